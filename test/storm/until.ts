import { setTimeout as delay } from "node:timers/promises";

/** Rejects with `what` when it has not come to hold after so many milliseconds. */
export async function until(
  what: string | (() => string),
  holds: () => Promise<boolean>,
  limitMs: number,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > deadline)
      throw new Error(`waited ${limitMs} ms in vain until ${typeof what === "string" ? what : what()}`);
    await delay(50);
  }
}
