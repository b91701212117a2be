import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { CreateSandboxFromSnapshotParams, Sandbox as DaytonaSandbox } from "@daytona/sdk";
import type { Logger } from "../log.ts";
import { statusOf, type DaytonaClient } from "./daytona-client.ts";
import type { DaytonaNetwork } from "./daytona-network.ts";
import { findSnapshotProblem } from "./daytona-probe.ts";
import { minutesOf } from "./daytona-sandbox.ts";
import { bringToAnEnd, bringUp, phaseOf, type DaytonaPatience } from "./daytona-states.ts";
import { SandboxError, type SandboxMetadata, type SandboxSpec } from "./sandbox.ts";

const dayMinutes = 24 * 60;
/** After so long stopped its disk moves to object storage, minutes; Daytona's own default. */
const archiveMinutes = 7 * dayMinutes;
/** The longest SANDBOX_RETENTION_DAYS and a month: only a machine that our reaper forgot is ever deleted by Daytona. */
const deleteMinutes = (365 + 30) * dayMinutes;
const createSeconds = 120;
const pausesMs = [500, 2_000] as const;

type MakeInput = { spec: SandboxSpec; network: DaytonaNetwork; patience: DaytonaPatience };

/**
 * A running machine for the spec, and whether it was there before. Its name follows from its metadata and names are unique
 * at Daytona, so a create whose answer was lost is found by the next look-up, and asking again never makes a second machine.
 */
export async function makeDaytonaMachine(
  { client, log }: { client: DaytonaClient; log: Pick<Logger, "info"> },
  { spec, network, patience }: MakeInput,
): Promise<{ machine: DaytonaSandbox; found: boolean }> {
  const name = nameOf(spec.metadata);
  const params = paramsOf(client, { name, spec, network });
  for (let attempt = 0; ; attempt++) {
    const found = await findOurs(client, { name, spec, patience });
    if (found !== null) {
      log.info({ sandboxId: found, name }, "a machine of the same session and fence is there and is taken");
      return { machine: await bringUp(client, found, patience), found: true };
    }
    try {
      const machine = await client.once("create a machine", () =>
        client.daytona.create(params, { timeout: createSeconds }),
      );
      return { machine, found: false };
    } catch (error) {
      const pauseMs = pausesMs[attempt];
      const exists = statusOf(error) === 409;
      const lost = error instanceof SandboxError && error.fault === "transient";
      if (pauseMs === undefined || (!exists && !lost)) throw await explain(client, error);
      await wait(pauseMs);
    }
  }
}

async function findOurs(
  client: DaytonaClient,
  { name, spec, patience }: { name: string } & Pick<MakeInput, "spec" | "patience">,
): Promise<string | null> {
  const machine = await client.find(name);
  if (machine === null) return null;
  const { app, session, fence } = spec.metadata;
  const { labels } = machine;
  if (labels["app"] !== app || labels["session"] !== session || labels["fence"] !== fence)
    throw new SandboxError(
      "refused",
      `expected the machine ${name} at Daytona to be ours, its labels are ${JSON.stringify(labels)}; rename or end it there`,
    );
  const phase = phaseOf(machine);
  if (phase !== "broken" && phase !== "over") return machine.id;
  // It keeps the name until it is gone.
  await bringToAnEnd(client, machine.id, patience);
  return null;
}

/** A 400 or 404 to a create is the snapshot's fault or, where that is well, a quota's. */
async function explain(client: DaytonaClient, error: unknown): Promise<unknown> {
  if (!(error instanceof SandboxError) || (error.fault !== "refused" && error.fault !== "gone")) return error;
  const problem = await findSnapshotProblem(client);
  if (problem !== null) return new SandboxError("auth", problem.message, { cause: error });
  return new SandboxError("busy", error.message, { cause: error });
}

function paramsOf(
  { config }: DaytonaClient,
  { name, spec, network }: { name: string } & Pick<MakeInput, "spec" | "network">,
): CreateSandboxFromSnapshotParams {
  return {
    name,
    snapshot: config.snapshot,
    labels: { ...spec.metadata },
    // What is here every process of the machine can read: commands bring their own.
    envVars: {},
    public: false,
    autoStopInterval: minutesOf(spec.timeoutMs),
    autoArchiveInterval: archiveMinutes,
    autoDeleteInterval: deleteMinutes,
    ...network,
  };
}

function nameOf({ app, session, fence }: SandboxMetadata): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([app, session, fence]))
    .digest("hex");
  return `remote-claude-${hash.slice(0, 32)}`;
}
