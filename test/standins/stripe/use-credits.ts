import { isMetered } from "./rate.ts";
import { maybeMember, maybeNumber, maybeText, member, members, number, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { all, newId } from "./world.ts";
import type { World } from "./world.ts";

/** Takes credit grants off the metered lines: by priority, then the one that expires first. */
export function useCredits(world: World, invoice: JsonObject): void {
  const lines = members(member(invoice, "lines"), "data").filter((line) => isOfMeter(world, line));
  let open = lines.reduce((sum, line) => sum + number(line, "amount"), 0);
  const used: JsonObject[] = [];
  for (const grant of grantsFor(world, text(invoice, "customer"), text(invoice, "currency"))) {
    const left = world.credits.get(text(grant, "id")) ?? 0;
    const amount = Math.min(left, open);
    if (amount <= 0) continue;
    world.credits.set(text(grant, "id"), left - amount);
    open -= amount;
    used.push({
      amount,
      credit_balance_transaction: newId("cbtxn_test"),
      type: "credit_balance_transaction",
    });
  }
  const total = number(invoice, "subtotal") - used.reduce((sum, one) => sum + number(one, "amount"), 0);
  Object.assign(invoice, {
    total,
    total_excluding_tax: total,
    total_pretax_credit_amounts: used,
    amount_due: Math.max(0, total),
    amount_remaining: Math.max(0, total),
  });
}

function grantsFor(world: World, customer: string, currency: string): JsonObject[] {
  const now = world.clock.now();
  const priority = (grant: JsonObject) => maybeNumber(grant, "priority") ?? 50;
  const expiry = (grant: JsonObject) => maybeNumber(grant, "expires_at") ?? Number.POSITIVE_INFINITY;
  return all(world, "billing.credit_grant")
    .toReversed()
    .filter(
      (grant) =>
        grant["customer"] === customer &&
        (maybeNumber(grant, "effective_at") ?? 0) <= now &&
        expiry(grant) > now &&
        grant["voided_at"] === null &&
        maybeMember(member(grant, "amount"), "monetary")["currency"] === currency,
    )
    .toSorted((a, b) => priority(a) - priority(b) || expiry(a) - expiry(b));
}

function isOfMeter(world: World, line: JsonObject): boolean {
  const price = world.objects.get(
    maybeText(maybeMember(maybeMember(line, "pricing"), "price_details"), "price") ?? "",
  );
  return price !== undefined && price["type"] === "recurring" && isMetered(price);
}
