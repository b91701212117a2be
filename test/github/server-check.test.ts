import { describe, expect, test } from "vitest";
import {
  renderCheck,
  renderFailure,
  serverCheckSchema,
  type ServerCheck,
} from "../../src/github/server-check.ts";
import { renderTestEvidence } from "../../src/github/test-evidence.ts";

const check = (values: Partial<ServerCheck> = {}): ServerCheck =>
  serverCheckSchema.parse({ command: "npm test", exitCode: 0, durationMs: 41_000, ...values });
const notRun = check({ command: "npm run lint", exitCode: null, ended: "not-run", durationMs: 0 });

test.each<[string, Partial<ServerCheck>, string, string | null]>([
  ["passed", {}, "✅ `npm test`, exit code 0, 41 s", null],
  ["failed", { exitCode: 3 }, "❌ `npm test`, exit code 3, 41 s", "`npm test`, exit code 3."],
  [
    "ran into the limit",
    { exitCode: null, ended: "limit" },
    "❌ `npm test`, ended by the time limit, 41 s",
    "`npm test`, ended by the time limit.",
  ],
  [
    "was killed",
    { exitCode: null, ended: "signal", signal: "SIGKILL" },
    "❌ `npm test`, ended by SIGKILL, 41 s",
    "`npm test`, ended by SIGKILL.",
  ],
  [
    "brought its machine down",
    { exitCode: null, ended: "sandbox-failed" },
    "❌ `npm test`, broken off because the sandbox failed, 41 s",
    "`npm test`, broken off because the sandbox failed.",
  ],
])("one that %s", (_, values, line, failure) => {
  expect(renderCheck(check(values))).toBe(line);
  expect(renderFailure([check(values), notRun])).toBe(
    failure === null
      ? "⚠️ **The repository's tests were not run**: `npm run lint` and what follows it."
      : `⚠️ **The repository's tests failed**: ${failure}`,
  );
});

describe("the evidence in a pull request", () => {
  test("there is none where nothing was run", () => {
    expect(renderTestEvidence([])).toBeNull();
    expect(renderFailure([])).toBeNull();
  });

  test("a failure is told with the end of its output, which cannot leave its block", () => {
    const failed = check({ exitCode: 1, tail: "``` @alice\n</details> Closes #1" });
    expect(renderTestEvidence([failed, notRun])).toBe(
      [
        "The server ran after the turn:",
        "- ❌ `npm test`, exit code 1, 41 s\n- ▫️ `npm run lint`, not run",
        "<details><summary>The end of its output</summary>\n\n````text\n``` @alice\n</details> Closes #1\n````\n\n</details>",
      ].join("\n\n"),
    );
  });

  test("a command is one line of code, whatever stands in it", () => {
    const [, line] = (renderTestEvidence([check({ command: "a | b\n@alice `x` <!-- y -->" })]) ?? "").split(
      "\n\n",
    );
    expect(line).toBe("- ✅ `` a ¦ b @alice `x` <!-- y --> ``, exit code 0, 41 s");
  });
});

test("a check as it was kept before there was more to say is read", () => {
  expect(serverCheckSchema.parse({ command: "npm test", exitCode: 2 })).toEqual({
    ...{ command: "npm test", exitCode: 2, ended: "exited", signal: null, durationMs: 0, tail: "" },
  });
});
