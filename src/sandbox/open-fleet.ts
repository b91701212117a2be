import { systemClock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import { createFleet, type SandboxFleet } from "./fleet.ts";
import { createLocalProvider } from "./local.ts";
import type { SandboxProvider } from "./sandbox.ts";
import { withVibeKit } from "./vibekit.ts";

type FleetConfig = Pick<Config, "dataDir" | "sandbox"> & { app: { id: number } | null };

/** The providers that the configuration names, in its order. A vendor's SDK is loaded only where it is one of them. */
export async function openFleet(config: FleetConfig, log: Logger): Promise<SandboxFleet> {
  const providers = await Promise.all(
    config.sandbox.providers.map((name) => openProvider(name, config, log)),
  );
  // Two deployments that share a provider's key are two GitHub Apps: neither takes the other's machines for strays.
  const app = `remote-claude-${config.app?.id ?? "setup"}`;
  return createFleet({ providers: providers.map(withVibeKit), app, clock: systemClock, log });
}

async function openProvider(
  name: Config["sandbox"]["providers"][number],
  { dataDir, sandbox }: FleetConfig,
  log: Logger,
): Promise<SandboxProvider> {
  switch (name) {
    case "local": {
      const { isolation, claudeBin } = sandbox;
      return createLocalProvider({ dataDir, isolation, claudeBin, log });
    }
    case "e2b": {
      const { createE2bProvider } = await import("./e2b.ts");
      return createE2bProvider({ config: settingsOf(name, sandbox.e2b), log });
    }
    case "daytona": {
      const { createDaytonaProvider } = await import("./daytona.ts");
      return createDaytonaProvider({ config: settingsOf(name, sandbox.daytona), log });
    }
    default:
      throw new Error(`expected a known sandbox provider, got ${String(name satisfies never)}`);
  }
}

/** The configuration refuses a provider without its key, so that this is never null here. */
function settingsOf<T>(name: string, settings: T | null): T {
  if (settings === null) throw new Error(`expected settings of ${name}, found none`);
  return settings;
}
