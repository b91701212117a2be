import { setTimeout as wait } from "node:timers/promises";
import type { Sandbox as DaytonaSandbox } from "@daytona/sdk";
import type { DaytonaClient } from "./daytona-client.ts";
import { toError } from "../errors.ts";
import { SandboxError } from "./sandbox.ts";

/**
 * What a machine's state asks of us: up and down are reached, start and stop take a call, moving passes by itself, and
 * broken or over is never used again.
 */
export type DaytonaPhase = "up" | "down" | "moving" | "broken" | "over";

const phases: Readonly<Record<string, DaytonaPhase>> = {
  started: "up",
  stopped: "down",
  archived: "down",
  archiving: "down",
  paused: "down",
  error: "broken",
  build_failed: "broken",
  destroying: "over",
  destroyed: "over",
};

export function phaseOf({ state }: { state?: string | undefined }): DaytonaPhase {
  return phases[state ?? ""] ?? "moving";
}

export type DaytonaPatience = {
  /** How long a machine may take to reach a state, ms; an archived one is fetched from object storage first. */
  withinMs: number;
  pollMs: number;
};

/** Brings a machine up, whatever it is doing now. Rejects "gone" when it is no more or broken, "transient" when it takes too long. */
export function bringUp(
  client: DaytonaClient,
  id: string,
  patience: DaytonaPatience,
): Promise<DaytonaSandbox> {
  return drive(client, { id, patience, to: "up" }, (machine) =>
    client.once(`start the machine ${id}`, () => machine.start(answerSeconds)),
  );
}

/** Stops a machine and sees it stopped; true when this call did it. */
export async function bringDown(
  client: DaytonaClient,
  id: string,
  patience: DaytonaPatience,
): Promise<boolean> {
  let stopped = false;
  await drive(client, { id, patience, to: "down" }, async (machine) => {
    try {
      await client.once(`stop the machine ${id}`, () => machine.stop(answerSeconds));
      stopped = true;
    } catch (error) {
      // The effect of a call whose answer was lost is ours, too.
      stopped ||= isLost(error);
      throw error;
    }
  });
  return stopped;
}

/** Ends a machine and sees it gone; true when this call did it, false when there was none. */
export async function bringToAnEnd(
  client: DaytonaClient,
  id: string,
  patience: DaytonaPatience,
): Promise<boolean> {
  const deadline = Date.now() + patience.withinMs;
  let asked = false;
  let last: unknown;
  for (;;) {
    const machine = await client.find(id);
    if (machine === null || machine.state === "destroyed") return asked;
    assertSame(machine.id, id);
    if (machine.state !== "destroying") {
      try {
        await client.once(`delete the machine ${id}`, () => machine.delete(answerSeconds));
        asked = true;
      } catch (error) {
        if (!isObstacle(error)) throw error;
        // The effect of a call whose answer was lost is ours, too; the SDK sends a delete again and then hears 404.
        asked ||= isLost(error) || faultOf(error) === "gone";
        last = error;
      }
    }
    if (Date.now() > deadline) throw tooSlow(id, "be gone", machine.state, last);
    await wait(patience.pollMs);
  }
}

const answerSeconds = 60;
/** A refusal may come from a change of state that is under way; one that stays is a quota. */
const maxRefusals = 5;

async function drive(
  client: DaytonaClient,
  { id, patience, to }: { id: string; patience: DaytonaPatience; to: "up" | "down" },
  ask: (machine: DaytonaSandbox) => Promise<void>,
): Promise<DaytonaSandbox> {
  const deadline = Date.now() + patience.withinMs;
  let last: unknown;
  let refusals = 0;
  for (;;) {
    const machine = await client.find(id);
    if (machine === null) throw new SandboxError("gone", `Daytona has no machine ${id} any more`);
    assertSame(machine.id, id);
    const phase = phaseOf(machine);
    if (phase === "over" || phase === "broken")
      throw new SandboxError(
        "gone",
        `the machine ${id} at Daytona is ${String(machine.state)}${machine.errorReason === undefined ? "" : `: ${machine.errorReason}`}`,
      );
    if (phase === to) return machine;
    if (phase !== "moving") {
      try {
        await ask(machine);
        continue;
      } catch (error) {
        if (!isObstacle(error)) throw error;
        last = error;
        if (faultOf(error) === "refused" && ++refusals >= maxRefusals)
          throw new SandboxError(
            "busy",
            `the machine ${id} at Daytona cannot be had: ${toError(error).message}`,
            {
              cause: error,
            },
          );
      }
    }
    if (Date.now() > deadline) throw tooSlow(id, to === "up" ? "run" : "be stopped", machine.state, last);
    await wait(patience.pollMs);
  }
}

/** Somebody else changes the state at the same time (400 and 409 at Daytona), or no answer came: the state tells how it went. */
const isObstacle = (error: unknown): boolean => !["auth", null].includes(faultOf(error));

const isLost = (error: unknown): boolean => faultOf(error) === "transient";

const faultOf = (error: unknown) => (error instanceof SandboxError ? error.fault : null);

function assertSame(came: string, id: string): void {
  if (came !== id)
    throw new SandboxError("gone", `expected the machine ${id} from Daytona, it answered with ${came}`);
}

function tooSlow(id: string, what: string, state: string | undefined, cause: unknown): SandboxError {
  return new SandboxError(
    "transient",
    `the machine ${id} at Daytona was to ${what} and is still ${state ?? "unknown"}`,
    {
      cause,
    },
  );
}
