type Stand = (point: string, subject: string) => Promise<void>;

let stand: Stand | null = null;

/** Lets `handler` hold, or end, this process wherever a crash point is passed: for `npm run test:storm` alone, which loads it before the program. */
export function armCrashPoints(handler: Stand): void {
  stand = handler;
}

/** A named moment between an effect and its record, about a task, a delivery or a machine. Nothing at all unless armed. */
export async function crashPoint(point: string, subject: string): Promise<void> {
  if (stand !== null) await stand(point, subject);
}
