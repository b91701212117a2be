import { expireSession } from "./checkout-life.ts";
import { collect, finalize } from "./invoice-life.ts";
import { maybeNumber, number } from "./json.ts";
import { checkThreshold, doDue, nextDue } from "./subscription-life.ts";
import type { World } from "./world.ts";

type Due = { at: number; act: () => void };

/** Does everything that is due by now, in its order. */
export function settle(world: World): void {
  for (let due = firstDue(world); due.at <= world.clock.now(); due = firstDue(world)) due.act();
  for (const one of world.subscriptions.keys()) {
    const subscription = world.objects.get(one);
    if (subscription !== undefined) checkThreshold(world, subscription);
  }
}

/** Lets `ms` pass; what falls due on the way happens at its own time. */
export function passTime(world: World, ms: number): void {
  const untilMs = world.clock.nowMs() + ms;
  for (let due = firstDue(world); due.at * 1000 <= untilMs; due = firstDue(world)) {
    world.clock.advance(Math.max(0, due.at * 1000 - world.clock.nowMs()));
    due.act();
  }
  world.clock.advance(Math.max(0, untilMs - world.clock.nowMs()));
  settle(world);
}

function firstDue(world: World): Due {
  let first: Due = { at: Number.POSITIVE_INFINITY, act: () => undefined };
  const offer = (at: number, act: () => void) => {
    if (at < first.at) first = { at, act };
  };
  for (const object of world.objects.values()) {
    if (object["object"] === "subscription") offer(nextDue(object), () => doDue(world, object));
    else if (object["object"] === "invoice" && object["status"] === "draft") {
      const at = maybeNumber(object, "automatically_finalizes_at");
      if (at === null) continue;
      offer(at, () => {
        finalize(world, object);
        collect(world, object);
      });
    } else if (object["object"] === "checkout.session" && object["status"] === "open") {
      offer(number(object, "expires_at"), () => expireSession(world, object));
    }
  }
  return first;
}
