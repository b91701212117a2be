import type { Tx } from "../../db/client.ts";
import { entitle, type Entitlement } from "./entitlement.ts";
import { readStanding } from "./standing-store.ts";

/** Where an account's use goes now: to Stripe, or into the ledger alone. */
export async function readBill(
  tx: Tx,
  at: { accountId: string; billing: "on" | "off"; now: Date },
): Promise<Entitlement["bill"]> {
  if (at.billing === "off") return "ledger";
  const { standing } = await readStanding(tx, at);
  return entitle(standing, at.now).bill;
}
