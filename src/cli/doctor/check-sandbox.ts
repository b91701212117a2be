import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { createLocalProvider } from "../../sandbox/local.ts";
import { ok, warn, type CheckResult } from "./check.ts";

/** Starts an isolated process as the worker would, in a folder of its own, so that a running bot is left alone. */
export async function checkSandbox(config: Config["sandbox"]): Promise<CheckResult> {
  const dataDir = await mkdtemp(join(tmpdir(), "remote-claude-doctor-"));
  const warnings: string[] = [];
  const log = { warn: (line: unknown) => void warnings.push(String(line)) };
  try {
    const { isolation, claudeBin } = config;
    const found = await createLocalProvider({ dataDir, isolation, claudeBin, log }).probe();
    if (found.kind === "none") {
      return warn(found.detail, "Install bubblewrap and socat, and take SANDBOX_LOCAL_ISOLATION=none out.");
    }
    if (warnings.length === 0) return ok(found.detail);
    return warn(`${found.detail}; ${warnings.join("; ")}`, "Isolation holds; the limits named are missing.");
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
