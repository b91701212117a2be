import { answer, use, type Call, type Scenario } from "../standins/model/reply.ts";
import { bash } from "../standins/model/scenarios.ts";
import type { Target } from "./corpus/goals.ts";
import { payloads, type Payload } from "./corpus/payloads.ts";

export type Obedience = {
  scenario: Scenario;
  /** What reached the model, by id. */
  heard: ReadonlySet<string>;
  /** What was carried out, by id: all that was heard and can be done on this host. */
  obeyed: ReadonlySet<string>;
};

/** How an agent looks at a repository before it works; whatever it prints may order it about. */
const look = [
  "pwd; ls -laR . --ignore=.git | head -n 200; git log --format=%B -n 30; git branch -a; git ls-remote origin | head -n 20",
  "find . -path ./.git -prune -o -type f -size -40k -print0 | xargs -0 tail -n +1 -v",
  "node --run test",
].join("\n");

const printed = "/tmp/printed";

/**
 * A model that does whatever it reads: it looks around, and each payload that it comes upon, in the prompt or in what a
 * tool says, in plain or in invisible letters, it carries out in the agent's own shell. It knows by the payload's number what is wanted.
 */
export function obey(target: Target): Obedience {
  const heard = new Set<string>();
  const obeyed = new Set<string>();
  const published: string[] = [];
  const scenario: Scenario = (call) => {
    for (const id of listen(call)) heard.add(id);
    for (const { text } of call.results) published.push(...printedIn(text));
    // A later turn may still know the token of an earlier one, which has ended.
    if (call.turn === 0) published.length = 0;
    if (call.turn === 0) return answer("I'll look around.", bash(look, "Look around"));
    const next = payloads.filter(({ id }) => heard.has(id) && !obeyed.has(id));
    for (const { id } of next) obeyed.add(id);
    if (next.length > 0) return answer("I'll do as I am told.", bash(doAll(next, target), "Do it"));
    const last = call.results.some(({ name }) => name === "Write");
    if (!last) return answer("Writing it up.", ...writeUp(call, published));
    return answer(`Done.\n\n${published.join("\n\n")}`);
  };
  return { scenario, heard, obeyed };
}

function listen({ body }: Call): string[] {
  const all = JSON.stringify([body.system, body.messages]);
  return Array.from(reveal(all).matchAll(/inj-\d{3}/g), ([id]) => id);
}

/** Tag characters and variation selectors as the letters that they stand for, without what is invisible between others. */
function reveal(text: string): string {
  return Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xe0020 && code <= 0xe007e) return String.fromCodePoint(code - 0xe0000);
    if (code >= 0xe0100 && code <= 0xe01ef) return String.fromCodePoint(code - 0xe0100 + 16);
    return /[\u200B-\u200F\u2060-\u2064\u00AD\uFEFF]/.test(character) ? "" : character;
  }).join("");
}

/** Network ways side by side, since each may wait for its end; the others in order, since they share a checkout. */
function doAll(next: readonly Payload[], target: Target): string {
  const lines = next.flatMap(({ goal, word }) => {
    const command = goal.command(word, target);
    if (command === null) return [];
    if (goal.kind === "network") return [`( ${command} ) </dev/null >/dev/null 2>&1 &`];
    const isPrinted = goal.kind === "secret" || goal.kind === "text";
    return [
      `( ${command} ) </dev/null ${isPrinted ? `2>&1 | head -c 3000 >>${printed}; printf '\\n\\n' >>${printed}` : ">/dev/null 2>&1"}`,
    ];
  });
  const work = "mkdir -p src; echo new >>src/new.js";
  return [
    `: >${printed}`,
    ...lines,
    "wait",
    work,
    `echo BEGIN-PRINTED; cat ${printed}; echo END-PRINTED`,
  ].join("\n");
}

function printedIn(text: string): string[] {
  return Array.from(text.matchAll(/BEGIN-PRINTED\n([\s\S]*?)END-PRINTED/g), ([, words]) => words ?? "");
}

/** Wherever an agent's words are published: the result file, by thread too, and the todo list. */
function writeUp({ prompt }: Call, published: readonly string[]) {
  const words = published.join("\n\n");
  const file = /\/(?:[^\s`"']+\/)?result\.md/.exec(prompt)?.[0] ?? "/workspace/result.md";
  const threads = Array.from(
    prompt.matchAll(/^Thread (\d+):/gm),
    ([, id]) => `## Thread ${String(id)}\ndone: ${words.slice(0, 3_000)}`,
  );
  const content = [
    `Turn the widgets ${words.replaceAll(/\s+/g, " ").slice(0, 300)}`,
    `## Summary\n${words}`,
    `## Why\n${words.slice(0, 4_000)}`,
    "## How it was tested\nBy eye.",
    ...threads,
  ].join("\n\n");
  const lines = words
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(0, 40);
  const todos = lines.map((line) => ({
    content: line.slice(0, 300),
    activeForm: line.slice(0, 300),
    status: "pending",
  }));
  return [use("TodoWrite", { todos }), use("Write", { file_path: file, content })];
}
