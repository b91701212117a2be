import { type Sandbox, SandboxError } from "./sandbox.ts";

/** Removes several files and folders in one round trip. */
export async function removeAll(sandbox: Sandbox, paths: readonly string[]): Promise<void> {
  const { exitCode, stderrTail } = await sandbox.exec({
    argv: ["rm", "-rf", "--", ...paths],
    timeoutMs: 120_000,
  });
  if (exitCode !== 0) {
    throw new SandboxError("transient", `removing ${paths.join(", ")} failed: ${stderrTail.trim()}`);
  }
}
