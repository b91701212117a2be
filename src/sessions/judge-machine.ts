import type { FleetMachine } from "../sandbox/fleet.ts";
import type { EndReason, SandboxRecord } from "./sandbox-store.ts";
import type { Session } from "./session-store.ts";

/** What is known of a machine that a provider lists. */
export type MachineFacts = {
  machine: FleetMachine;
  /** Whose it says it is; undefined: no such session. */
  session: Pick<Session, "endedAt" | "sandboxProvider" | "sandboxId"> | undefined;
  record: Pick<SandboxRecord, "status" | "usedAt" | "endReason"> | undefined;
  /** Of the machine that the session uses now, where it has a row. */
  fenceInUse: number | undefined;
  /** The session's open tasks: the fence of the one at work, null where they wait; undefined: there are none. */
  openTasks: { busyFence: number | null } | undefined;
};

export type Verdict =
  | { kind: "keep" }
  /** It stays, and its row is made or corrected. */
  | { kind: "note" }
  | { kind: "end"; reason: EndReason };

/** A machine this young may belong to a session whose row is just being written. */
const youngMs = 10 * 60_000;

/** What becomes of a listed machine. Ages by the provider's clock decide only where there is nothing of our own to go by. */
export function judgeMachine(facts: MachineFacts, time: { now: Date; unusedSince: Date }): Verdict {
  const { machine, session, record } = facts;
  if (session === undefined) {
    // A start in the future shows a wrong clock, not a young machine.
    const young = Math.abs(time.now.getTime() - machine.startedAt.getTime()) < youngMs;
    return young ? keep : end("session-unknown");
  }
  if (record?.status === "ending") return end(record.endReason ?? "requested");
  if (session.endedAt !== null) return end("session-ended");
  const used = session.sandboxProvider === machine.provider && session.sandboxId === machine.id;
  if (!used && session.sandboxId !== null) {
    // The claim that works now may be opening this one at this moment; its fence is the task's, so it says nothing about other tasks.
    if (facts.openTasks?.busyFence === fenceOf(machine)) return keep;
    const older = facts.fenceInUse !== undefined && fenceOf(machine) < facts.fenceInUse;
    return end(older ? "old-fence" : "replaced");
  }
  const unused = record !== undefined && record.usedAt < time.unusedSince;
  if (unused && !used && facts.openTasks === undefined) return end("unused");
  const known =
    record !== undefined &&
    record.status !== "ended" &&
    !(record.status === "paused" && machine.state === "running");
  return known ? keep : { kind: "note" };
}

const keep: Verdict = { kind: "keep" };
const end = (reason: EndReason): Verdict => ({ kind: "end", reason });

/** A fence is a number in text; anything else is older than all of ours. */
export function fenceOf({ metadata }: Pick<FleetMachine, "metadata">): number {
  return /^\d{1,9}$/.test(metadata.fence) ? Number(metadata.fence) : 0;
}
