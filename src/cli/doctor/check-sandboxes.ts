import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import type { Logger } from "../../log.ts";
import { createLocalProvider } from "../../sandbox/local.ts";
import { openFleet } from "../../sandbox/open-fleet.ts";
import { ok, runCheck, warn, type Check, type CheckResult } from "./check.ts";

/** One check for each provider that the configuration names, in its order: its key, its template, its isolation. */
export function checkSandboxes(config: Config, log: Logger): Promise<Check>[] {
  return config.sandbox.providers.map((name) =>
    name === "local"
      ? runCheck({ id: "sandbox", title: "Sandbox" }, () => checkLocal(config.sandbox))
      : runCheck({ id: `sandbox-${name}`, title: `Sandbox ${name}` }, () => checkRemote(name, config, log)),
  );
}

async function checkRemote(
  name: Config["sandbox"]["providers"][number],
  config: Config,
  log: Logger,
): Promise<CheckResult> {
  const only = await openFleet({ ...config, sandbox: { ...config.sandbox, providers: [name] } }, log);
  return ok((await only.probe())[name]?.detail ?? "it works");
}

/** Starts an isolated process as the worker would, in a folder of its own, so that a running bot is left alone. */
async function checkLocal(config: Config["sandbox"]): Promise<CheckResult> {
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
