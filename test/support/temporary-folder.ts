import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { removeTree } from "../../src/sandbox/remove-tree.ts";

/** A folder that is there until the running test has finished. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "remote-claude-test-")));
  onTestFinished(() => removeTree(folder));
  return folder;
}
