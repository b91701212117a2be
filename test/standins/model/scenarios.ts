import { isAbsolute, join } from "node:path";
import { answer, use, type Call, type Reply, type Scenario } from "./reply.ts";

/** Says this and is done. */
export function answerOnly(text: string): Scenario {
  return () => answer(text);
}

/** Looks at the repository and finds that there is nothing to do. */
export function changeNothing(): Scenario {
  return ({ turn }) =>
    turn === 0
      ? answer(
          "I'll look at the current state first.",
          bash("git log --oneline -n 3", "Show the last commits"),
        )
      : answer("The code already does what the issue asks for, so I changed nothing.");
}

/** Every call fails with this status, in the API's shape; headers such as retry-after may be given. */
export function fail(status: number, headers: Record<string, string> = {}): Scenario {
  const [type, message] = apiErrors[status] ?? ["api_error", "Internal server error"];
  return () => ({ kind: "error", status, type, message, headers });
}

const apiErrors: Record<number, readonly [string, string]> = {
  400: ["invalid_request_error", "Your credit balance is too low to access the Anthropic API."],
  401: ["authentication_error", "invalid x-api-key"],
  403: ["permission_error", "Your API key does not have permission to use the specified resource."],
  404: ["not_found_error", "model: not found"],
  413: ["request_too_large", "Request exceeds the maximum size"],
  429: ["rate_limit_error", "This request would exceed your account's rate limit. Please try again later."],
  500: ["api_error", "Internal server error"],
  529: ["overloaded_error", "Overloaded"],
};

/** Takes the request and never answers. */
export function hang(): Scenario {
  return () => ({ kind: "hang" });
}

/** Runs a command again and again until somebody stops it; the default takes a fifth of a second. */
export function endless(command = "sleep 0.2"): Scenario {
  return ({ turn }) => answer(`Round ${turn + 1}.`, bash(command, "Wait a moment"));
}

/** One answer of that many bytes of text. */
export function floodOutput(bytes: number): Scenario {
  return () => answer("x".repeat(bytes));
}

/** Throws the branch's history away and commits its files as a new root. */
export function rewriteHistory(): Scenario {
  const command =
    "git checkout --orphan fresh-start && git add -A && " +
    "git -c user.name=Agent -c user.email=agent@example.org commit -m 'Start over' && git branch -f claude-old HEAD";
  return ({ turn }) =>
    turn === 0
      ? answer("I'll start from a clean history.", bash(command, "Rewrite the history"))
      : answer("The history is clean now.");
}

/** Writes these files (paths in the repository, or absolute), then the result file if the prompt names one. */
export function writeFiles(files: Readonly<Record<string, string>>): Scenario {
  return (call) => {
    const paths = Object.keys(files);
    if (call.turn === 0) {
      const reads = paths.map((path) => use("Read", { file_path: absolute(call, path) }));
      return answer("I'll see what is there.", ...reads);
    }
    if (call.turn === 1) {
      const writes = Object.entries(files).map(([path, content]) =>
        use("Write", { file_path: absolute(call, path), content }),
      );
      return answer(...writes, ...writeResult(call, resultFor(paths)));
    }
    return answer(`I wrote ${paths.join(", ")}.`);
  };
}

/** Does the first scenario for the first prompt of a conversation, the second for the next, and keeps to the last. */
export function inTurn(...scenarios: readonly [Scenario, ...Scenario[]]): Scenario {
  const prompts: string[] = [];
  return async (call): Promise<Reply> => {
    if (!prompts.includes(call.prompt)) prompts.push(call.prompt);
    const scenario = scenarios[Math.min(prompts.indexOf(call.prompt), scenarios.length - 1)] ?? scenarios[0];
    return await scenario(call);
  };
}

/** Does what stands beside the first of these words that the prompt has: several conversations at once, each its own. */
export function byWord(scenarios: Readonly<Record<string, Scenario>>): Scenario {
  return async (call): Promise<Reply> => {
    const word = Object.keys(scenarios).find((each) => call.prompt.includes(each));
    const scenario = word === undefined ? undefined : scenarios[word];
    if (scenario === undefined) {
      throw new Error(
        `Expected one of ${Object.keys(scenarios).join(", ")} in the prompt, got ${call.prompt}`,
      );
    }
    return await scenario(call);
  };
}

/** Fails in the first way for this many calls, then goes on with the second. */
export function failFirst(calls: number, failing: Scenario, then: Scenario): Scenario {
  let left = calls;
  return (call) => (left-- > 0 ? failing(call) : then(call));
}

/** Begins its answer and breaks the connection in the middle of it. */
export function cutStream(): Scenario {
  return () => ({
    kind: "message",
    blocks: [{ type: "text", text: "I was about to say something rather long. ".repeat(20) }],
    fault: { afterEvents: 5, how: "cut" },
  });
}

/** Ends the harness itself, as a crash would. */
export function killHarness(): Scenario {
  return () => answer("Let me see.", bash("kill -9 $PPID", "See what happens"));
}

/** Waits with every answer until it is let go on; `arrived` resolves when the first call has come. */
export function holdBack(then: Scenario): {
  scenario: Scenario;
  arrived: Promise<undefined>;
  release: () => void;
} {
  const arrived = Promise.withResolvers<undefined>();
  const released = Promise.withResolvers<undefined>();
  return {
    scenario: async (call): Promise<Reply> => {
      arrived.resolve(undefined);
      await released.promise;
      return await then(call);
    },
    arrived: arrived.promise,
    release: () => released.resolve(undefined),
  };
}

/** A call of the harness's shell. */
export function bash(command: string, description: string) {
  return use("Bash", { command, description });
}

/** A path of the repository as the harness's tools want it. */
export function absolute({ cwd }: Pick<Call, "cwd">, path: string): string {
  return isAbsolute(path) ? path : join(cwd, path);
}

/** The call that writes the result file whose path the prompt names; none when it names none. */
export function writeResult({ prompt }: Pick<Call, "prompt">, content: string) {
  const path = /\/(?:[^\s`"']+\/)?result\.md/.exec(prompt)?.[0];
  return path === undefined ? [] : [use("Write", { file_path: path, content })];
}

function resultFor(paths: readonly string[]): string {
  const list = paths.map((path) => `- \`${path}\``).join("\n");
  return `Write ${paths.length === 1 ? (paths[0] ?? "") : `${paths.length} files`}

## Summary
Wrote these files:
${list}

## Why
The issue asks for them.

## How it was tested
There is nothing to run for them.
`;
}
