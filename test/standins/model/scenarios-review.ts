import { answer, use, type Call, type Scenario } from "./reply.ts";
import { absolute, writeResult } from "./scenarios.ts";

/** A review thread as the prompt names it. */
export type PromptThread = { id: number; path: string };

export type ReviewWork = {
  /** Written whole; paths in the repository. */
  files: Readonly<Record<string, string>>;
  /** The result file, given the threads in the order of the prompt. */
  result: (threads: readonly PromptThread[]) => string;
};

/** Works a review off: reads the files, writes them, and says what became of each thread. */
export function workOffReview(work: ReviewWork): Scenario {
  return (call) => {
    const paths = Object.keys(work.files);
    if (call.turn === 0 && paths.length > 0)
      return answer(
        "I'll look at the files.",
        ...paths.map((path) => use("Read", { file_path: absolute(call, path) })),
      );
    if (call.turn === (paths.length > 0 ? 1 : 0)) {
      const writes = Object.entries(work.files).map(([path, content]) =>
        use("Write", { file_path: absolute(call, path), content }),
      );
      return answer(...writes, ...writeResult(call, work.result(threadsIn(call))));
    }
    return answer("I worked the review off.");
  };
}

/** `## Thread …` sections, with what `say` answers for each thread; null: not a word about it. */
export function resultOf(
  threads: readonly PromptThread[],
  say: (thread: PromptThread, index: number) => string | null,
  more = "",
): string {
  const sections = threads.flatMap((thread, index) => {
    const words = say(thread, index);
    return words === null ? [] : [`## Thread ${thread.id}\n${words}`];
  });
  return [
    "Turn the widgets",
    "## Summary\nThe widgets turn.",
    "## Why\nThey did not.",
    "## How it was tested\nBy eye.",
    ...sections,
    more,
  ].join("\n\n");
}

function threadsIn({ prompt }: Pick<Call, "prompt">): PromptThread[] {
  return [...prompt.matchAll(/^Thread (\d+): file "([^"]+)"/gm)].map(([, id, path]) => ({
    id: Number(id),
    path: path ?? "",
  }));
}
