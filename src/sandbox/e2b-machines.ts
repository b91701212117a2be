import { setTimeout as delay } from "node:timers/promises";
import type { Sandbox as E2bMachine } from "e2b";
import { toError, UserError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { E2bConfig } from "../sandbox-settings.ts";
import type { E2bApi, Listed } from "./e2b-api.ts";
import { ageOf, assertWithinPlan, fitsIntoRun } from "./e2b-lease.ts";
import { SandboxError, type SandboxLease, type SandboxSpec } from "./sandbox.ts";

/** A machine that answers, how long it runs already, and whether something of an earlier owner may still run in it. */
export type OpenedMachine = { machine: E2bMachine; ageMs: number; mayHoldRuns: boolean };

type Deps = { api: E2bApi; config: E2bConfig; log: Pick<Logger, "warn"> };

/** Makes a machine, or takes the one that an earlier try with the same metadata has made without our hearing of it. */
export async function createMachine(deps: Deps, spec: SandboxSpec): Promise<OpenedMachine> {
  assertWithinPlan(spec.timeoutMs, deps.config.maxRunMs);
  const made = await findMade(deps, spec);
  if (made !== null) return await openMachine(deps, made.sandboxId, spec);
  try {
    return { machine: await deps.api.create(spec), ageMs: 0, mayHoldRuns: false };
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    if (error.fault === "gone") throw templateMissing(deps.config.template, error);
    if (error.fault !== "transient") throw error;
    // The answer may have been lost on its way: then the machine is there.
    const lost = await findMade(deps, spec);
    if (lost === null) throw error;
    return await openMachine(deps, lost.sandboxId, spec);
  }
}

/** Connects to a machine, which resumes a paused one, and makes sure that it is this one, running, under this policy. */
export async function openMachine(deps: Deps, id: string, lease: SandboxLease): Promise<OpenedMachine> {
  assertWithinPlan(lease.timeoutMs, deps.config.maxRunMs);
  const before = await deps.api.info(id);
  if (before === null) throw machineGone(id);
  const opened = await connectOnce(deps, id, lease);
  if (before.state === "paused") return { ...opened, ageMs: 0, mayHoldRuns: false };
  if (opened.fits) return { ...opened, mayHoldRuns: true };
  await pauseMachine(deps.api, id);
  return { ...(await connectOnce(deps, id, lease)), ageMs: 0, mayHoldRuns: false };
}

async function connectOnce({ api, config }: Deps, id: string, lease: SandboxLease) {
  const machine = await api.connect(id, lease.timeoutMs);
  const [looked, policed] = await Promise.allSettled([api.info(id), api.setNetwork(id, lease.egress)]);
  if (looked.status === "rejected") throw toError(looked.reason);
  const after = looked.value;
  // The client keeps the id it asked for even when the server has answered with another one.
  if (after === null || after.sandboxId !== id) throw machineGone(id);
  if (after.state !== "running") {
    throw new SandboxError(
      "transient",
      `expected machine ${id} to run after it was connected to, it is ${after.state}`,
    );
  }
  if (policed.status === "rejected") throw toError(policed.reason);
  const fits = fitsIntoRun(after, config.maxRunMs);
  return { machine, fits, ageMs: ageOf(after, lease.timeoutMs) };
}

/** Pauses a machine and waits until E2B says so; true when this call paused it. */
export async function pauseMachine(api: E2bApi, id: string): Promise<boolean> {
  let paused = false;
  for (let attempt = 1; attempt <= confirmations; attempt += 1) {
    // "gone" of a pause may also mean that it does not run: the state tells.
    paused = (await api.pause(id).catch(falseIfGone)) || paused;
    const now = await api.info(id);
    if (now === null) throw machineGone(id);
    if (now.state === "paused") return paused;
    await delay(confirmPauseMs * attempt);
  }
  throw new SandboxError("transient", `machine ${id} was to be paused and still runs`);
}

/** Ends a machine and waits until E2B does not know it any more; true when this call ended it. */
export async function killMachine(api: E2bApi, id: string): Promise<boolean> {
  let killed = false;
  for (let attempt = 1; attempt <= confirmations; attempt += 1) {
    killed = (await api.kill(id)) || killed;
    if ((await api.info(id)) === null) return killed;
    await delay(confirmPauseMs * attempt);
  }
  throw new SandboxError("transient", `machine ${id} was to be ended and is still there`);
}

export function machineGone(id: string): SandboxError {
  return new SandboxError("gone", `machine ${id} is gone`);
}

const confirmations = 5;
const confirmPauseMs = 200;

async function findMade({ api, log }: Deps, { metadata }: SandboxSpec): Promise<Listed | null> {
  const same = (await api.list(metadata)).filter((found) =>
    Object.entries(metadata).every(([name, value]) => found.metadata[name] === value),
  );
  const [first = null, ...others] = same.sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
  for (const other of others) {
    log.warn(
      { sandboxId: other.sandboxId, sessionId: metadata.session },
      "a second machine of one claim is ended",
    );
    await killMachine(api, other.sandboxId);
  }
  return first;
}

function falseIfGone(error: unknown): false {
  if (error instanceof SandboxError && error.fault === "gone") return false;
  throw toError(error);
}

function templateMissing(template: string, cause: Error): UserError {
  return new UserError(
    "e2b-template",
    `E2B knows no template ${template} (E2B_TEMPLATE).`,
    "Build it with `npm run e2b:template`, with the same E2B_API_KEY and E2B_TEMPLATE; docs/sandbox-template.md says how.",
    { cause },
  );
}
