import { z } from "zod";
import { type Clock, systemClock } from "../clock.ts";
import { UserError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { E2bConfig } from "../sandbox-settings.ts";
import { checkTemplate } from "./check-template.ts";
import { claudeVersion } from "./claude-version.ts";
import { type E2bApi, type Listed, openE2bApi } from "./e2b-api.ts";
import { e2bKeyRemedy } from "./e2b-faults.ts";
import { createMachine, killMachine, openMachine, type OpenedMachine, pauseMachine } from "./e2b-machines.ts";
import { createE2bSandbox } from "./e2b-sandbox.ts";
import type { RemoteExecTimings } from "./remote-exec.ts";
import {
  type Sandbox,
  SandboxError,
  type SandboxLease,
  type SandboxProvider,
  type SandboxSpec,
  type SandboxSummary,
} from "./sandbox.ts";
import { defaultPatience } from "./stop-ladder.ts";

export type E2bProviderInput = {
  config: E2bConfig;
  log: Pick<Logger, "warn">;
  clock?: Clock;
  timings?: Partial<RemoteExecTimings & { requestMs: number }>;
};

const defaultTimings: RemoteExecTimings = { patience: defaultPatience, killGraceMs: 10_000, pollMs: 10_000 };

/** Machines at E2B: paused by us after each turn, found by their metadata. The client is loaded with the first call. */
export function createE2bProvider(input: E2bProviderInput): SandboxProvider {
  const { config, log, clock = systemClock } = input;
  const { requestMs = 60_000, ...given } = input.timings ?? {};
  const timings = { ...defaultTimings, ...given };
  const api = openE2bApi(config, requestMs);
  const creating = new Map<string, Promise<Sandbox>>();
  let templateIsFit = false;

  const open = async (opened: Promise<OpenedMachine>, lease: SandboxLease): Promise<Sandbox> => {
    const e2b = await api();
    const control = controlOf(e2b, { config, log, clock, timings });
    return await createE2bSandbox(control, await opened, lease);
  };
  const create = async (spec: SandboxSpec): Promise<Sandbox> => {
    const sandbox = await open(createMachine({ api: await api(), config, log }, spec), spec);
    if (templateIsFit) return sandbox;
    try {
      await checkTemplate(sandbox, { claudeVersion, setting: "E2B_TEMPLATE", build: "npm run e2b:template" });
    } catch (error) {
      await sandbox.kill();
      throw error;
    }
    templateIsFit = true;
    return sandbox;
  };
  return {
    name: "e2b",
    async probe() {
      try {
        await (await api()).list({}, { limit: 1, firstPage: true });
      } catch (error) {
        if (error instanceof SandboxError && error.fault === "auth") throw keyRefused(error);
        throw error;
      }
      return { kind: "vm", detail: `machines of ${config.apiUrl}, template ${config.template}` };
    },
    create(spec) {
      const { app, session, fence } = spec.metadata;
      const key = JSON.stringify([app, session, fence]);
      const running = creating.get(key);
      if (running !== undefined) return running;
      const made = create(spec).finally(() => creating.delete(key));
      creating.set(key, made);
      return made;
    },
    async connect(id, lease) {
      return await open(openMachine({ api: await api(), config, log }, id, lease), lease);
    },
    async list(filter) {
      return (await (await api()).list(filter)).flatMap(toSummary);
    },
    pauseById: async (id) => await pauseMachine(await api(), id),
    killById: async (id) => await killMachine(await api(), id),
  };
}

type ControlInput = Required<Pick<E2bProviderInput, "config" | "log" | "clock">> & {
  timings: RemoteExecTimings;
};

function controlOf(api: E2bApi, { config, log, clock, timings }: ControlInput) {
  return {
    module: api.module,
    ...{ clock, timings, maxRunMs: config.maxRunMs },
    stateOf: async (id: string) => (await api.info(id))?.state ?? null,
    setTimeout: (id: string, timeoutMs: number) => api.setTimeout(id, timeoutMs),
    open: (id: string, lease: SandboxLease) => openMachine({ api, config, log }, id, lease),
    async pause(id: string) {
      await pauseMachine(api, id);
    },
    async kill(id: string) {
      await killMachine(api, id);
    },
  };
}

const metadata = z.object({ app: z.string(), session: z.string(), fence: z.string() });

/** A machine without our metadata is somebody else's under the same key. */
function toSummary({ sandboxId, state, startedAt, ...found }: Listed): SandboxSummary[] {
  const ours = metadata.safeParse(found.metadata);
  return ours.success ? [{ id: sandboxId, metadata: ours.data, state, startedAt }] : [];
}

function keyRefused(cause: Error): UserError {
  return new UserError("e2b-key", "E2B did not take E2B_API_KEY.", e2bKeyRemedy, { cause });
}
