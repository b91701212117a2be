import { beforeEach, expect, test } from "vitest";
import { renewAgentHome } from "../../src/sessions/agent-home.ts";
import { maxTranscriptBytes, transcriptPath } from "../../src/sessions/transcript-path.ts";
import { localMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";

beforeEach(needBwrap);

const claudeSessionId = "0b9e7f64-6c54-4a55-9a5b-4f3d4c0a2f11";

async function usedMachine() {
  const machine = await localMachine({ isolation: "bwrap" });
  const { sandbox } = machine;
  const leftover = `${sandbox.paths.workspace}/result.md`;
  const transcript = transcriptPath(sandbox, claudeSessionId);
  const sh = async (script: string) => {
    const { exitCode, stdoutTail, stderrTail } = await machine.sh(script);
    if (exitCode !== 0) throw new Error(`${script}: ${stderrTail}`);
    return stdoutTail.trim();
  };
  await sandbox.writeFile(transcript, "talk\n");
  await sandbox.writeFile(leftover, "result");
  await sh("echo '{}' > ~/.claude.json; echo '{}' > ~/.claude/settings.json; echo kept > ~/.profile");
  const renew = () => renewAgentHome(sandbox, { claudeSessionId, leftovers: [leftover] });
  return { sandbox, sh, renew, transcript };
}

test("only the conversation stays, for its owner alone", async () => {
  const { sh, renew, transcript } = await usedMachine();
  await sh(
    `chmod 666 '${transcript}'; mkdir ~/.claude/projects/other; echo x > ~/.claude/projects/other/x.jsonl`,
  );
  expect(await renew()).toBe(true);
  expect(await sh("cd ~; find . -type f | sort")).toBe(
    ["./.claude", "projects", ...transcript.split("/").slice(-2)].join("/") + "\n./.profile",
  );
  expect(await sh(`cat '${transcript}'; stat -c %a '${transcript}'; ls -A /workspace /workspace/tmp`)).toBe(
    "talk\n600\n/workspace:\ntmp\n\n/workspace/tmp:",
  );
});

test("without a conversation everything goes", async () => {
  const { sh, renew, transcript } = await usedMachine();
  await sh(`rm '${transcript}'`);
  expect(await renew()).toBe(false);
  expect(await sh("ls -A ~")).toBe(".profile");
});

test("links to settings elsewhere are not followed into the new home", async () => {
  const { sh, renew, transcript } = await usedMachine();
  await sh(
    "mv ~/.claude.json ~/planted; ln -s planted ~/.claude.json; ln -s /home/agent/planted ~/.claude/settings.local.json",
  );
  expect(await renew()).toBe(true);
  expect(await sh("find ~ -type l")).toBe("");
  expect(await sh(`cat '${transcript}'`)).toBe("talk");
});

test.each([
  ["a link", (path: string) => `mv '${path}' ~/talk; ln -s ~/talk '${path}'`],
  ["below a link", () => "mv ~/.claude ~/other; ln -s other ~/.claude"],
  ["a folder", (path: string) => `rm '${path}'; mkdir '${path}'`],
  ["a pipe", (path: string) => `rm '${path}'; mkfifo '${path}'`],
  ["too large", (path: string) => `truncate -s ${maxTranscriptBytes + 1} '${path}'`],
])("a conversation that is %s is refused", async (_, change) => {
  const { sh, renew, transcript } = await usedMachine();
  await sh(change(transcript));
  await expect(renew()).rejects.toMatchObject({ name: "SandboxError", fault: "refused" });
});
