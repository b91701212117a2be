import { describe, expect, test } from "vitest";
import { checkTemplate } from "../../src/sandbox/check-template.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { e2bMachine } from "./e2b-fixture.ts";

const expected = { claudeVersion: "2.1.330", setting: "E2B_TEMPLATE", build: "npm run e2b:template" };

/** A machine with a claude that says this, in front of its own. */
async function machineSaying(words: string): Promise<Sandbox> {
  const { sandbox } = await e2bMachine();
  await sandbox.writeFile("/workspace/bin/claude", `#!/bin/sh\n${words}\n`, { mode: 0o755 });
  const { stdoutTail } = await sandbox.exec({ argv: ["sh", "-c", 'echo "$PATH"'], timeoutMs: 10_000 });
  const env = { PATH: `/workspace/bin:${stdoutTail.trim()}` };
  return { ...sandbox, exec: (input) => sandbox.exec({ ...input, env }) };
}

describe("a template", () => {
  test.each([
    "2.1.330 (Claude Code)",
    "2.1.331 (Claude Code)",
    "2.10.0 (Claude Code)",
    "3.0.0 (Claude Code)",
  ])("with Claude Code %s will do", async (words) => {
    await checkTemplate(await machineSaying(`echo '${words}'`), expected);
  });

  test.each([
    ["echo '2.1.329 (Claude Code)'", "has Claude Code 2.1.329"],
    ["echo '1.9.999 (Claude Code)'", "has Claude Code 1.9.999"],
    ["echo 'cannot execute' >&2; exit 126", "cannot execute"],
  ])("whose claude does %s is told with the setting and what builds it", async (words, said) => {
    const error: unknown = await checkTemplate(await machineSaying(words), expected).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: "UserError", code: "sandbox-template" });
    const { message, remedy } = error as { message: string; remedy: string };
    expect(message).toContain(said);
    expect(`${message} ${remedy}`).toMatch(/E2B_TEMPLATE.*npm run e2b:template/s);
  });
});
