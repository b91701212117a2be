import { execInDaytona } from "./daytona-exec.ts";
import { daytonaFiles } from "./daytona-files.ts";
import type { DaytonaMachine } from "./daytona-machine.ts";
import type { Sandbox } from "./sandbox.ts";

/** One machine at Daytona; `minutes` after the last call it stops by itself. */
export function createDaytonaSandbox(
  held: DaytonaMachine,
  { minutes, ...lifecycle }: { minutes: number } & Pick<Sandbox, "pause" | "kill">,
): Sandbox {
  const { client, machine } = held;
  let autoStopMinutes = minutes;
  return {
    provider: "daytona",
    id: machine.id,
    gateway: "public-url",
    paths: held.paths,
    exec: (input) => execInDaytona(held, input),
    ...daytonaFiles(held),
    async extend(timeoutMs) {
      const wanted = minutesOf(timeoutMs);
      // Never shorter than promised before: the time counts from the last call.
      if (wanted > autoStopMinutes) {
        await held.reach(() =>
          client.call(`set when the machine ${machine.id} stops`, () => machine.setAutostopInterval(wanted)),
        );
        autoStopMinutes = wanted;
      }
      await held.reach(() =>
        client.call(`keep the machine ${machine.id} awake`, () => machine.refreshActivity()),
      );
    },
    ...lifecycle,
  };
}

/** Daytona counts in whole minutes, and 0 means never. */
export const minutesOf = (timeoutMs: number): number => Math.max(1, Math.ceil(timeoutMs / 60_000));
