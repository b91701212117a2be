import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { sumTaskUsage } from "../../src/usage/usage-store.ts";
import { demoFix } from "../standins/model/demo-fix.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { modelKey } from "./fixture.ts";
import { useRoute } from "./use-route.ts";

const root = join(import.meta.dirname, "../..");
const rig = useRoute();

/** The real Claude Code as it runs in a sandbox elsewhere: a base address with a path, a token, no proxy. */
async function runClaude(folder: string, turn: { url: string; token: string }) {
  const child = spawn(
    join(root, "node_modules/.bin/claude"),
    [
      ...["-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
      ...["--setting-sources", "user", "--strict-mcp-config", "--add-dir", join(folder, "repo")],
      ...["--model", "claude-sonnet-4-5", "--max-turns", "50", "--tools", "Bash,Edit,Read,Write,TodoWrite"],
    ],
    {
      cwd: join(folder, "repo"),
      env: {
        HOME: folder,
        PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
        ANTHROPIC_BASE_URL: turn.url,
        ANTHROPIC_API_KEY: turn.token,
        IS_SANDBOX: "1",
        DISABLE_AUTOUPDATER: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        CLAUDE_CODE_ENABLE_TASKS: "0",
        CLAUDE_CODE_MAX_RETRIES: "1",
      },
    },
  );
  child.stdin.end("Mend it.");
  const closed = once(child, "close");
  const [stdout] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  return { exitCode: child.exitCode, last: stdout.trimEnd().split("\n").at(-1) ?? "" };
}

test("the real binary works through the server", { timeout: 120_000 }, async () => {
  rig.model.script(demoFix);
  const folder = await temporaryFolder();
  await cp(join(root, "demo/repository"), join(folder, "repo"), { recursive: true });
  const turn = await rig.newTurn();
  const { exitCode, last } = await runClaude(folder, turn);
  expect({ exitCode, last }).toEqual({
    exitCode: 0,
    last: expect.stringContaining('"is_error":false') as string,
  });
  expect(await readFile(join(folder, "repo/src/slugify.js"), "utf8")).toContain('.normalize("NFD")');
  await rig.close();
  const { models } = await sumTaskUsage(rig.database.db, turn);
  expect(models).toMatchObject([{ model: "claude-sonnet-4-5", calls: 6 }]);
  expect(rig.model.violations).toEqual([]);
  expect(rig.model.requests.every(({ key }) => key === modelKey)).toBe(true);
});

test(
  "the real binary with another task's address says that it is not let in",
  { timeout: 120_000 },
  async () => {
    const folder = await temporaryFolder();
    await cp(join(root, "demo/repository"), join(folder, "repo"), { recursive: true });
    const [turn, other] = [await rig.newTurn(), await rig.newTurn()];
    const { exitCode, last } = await runClaude(folder, { url: other.url, token: turn.token });
    expect(exitCode).toBe(1);
    expect(last).toMatch(/"is_error":true.*401|401.*"is_error":true/);
    expect(rig.model.requests).toHaveLength(0);
  },
);
