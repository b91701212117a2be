import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** agent.ts as a program of its own, which is what a sandbox takes for CLAUDE_BIN. */
export async function openAgent(): Promise<{ path: string; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "storm-agent-"));
  const path = join(folder, "claude");
  const source = await readFile(new URL("agent.ts", import.meta.url), "utf8");
  await writeFile(path, `#!/usr/bin/env node\n${stripTypeScriptTypes(source)}`);
  await chmod(path, 0o755);
  return { path, close: () => rm(folder, { recursive: true, force: true }) };
}
