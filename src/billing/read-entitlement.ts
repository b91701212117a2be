import type { Tx } from "../../db/client.ts";
import { entitle, type Entitlement } from "./entitlement.ts";
import { renderNotice } from "./render-notice.ts";
import { readStanding } from "./standing-store.ts";

export type AccountEntitlement = Entitlement & {
  login: string;
  /** The account's page of this server; null: it has no public address. */
  page: string | null;
  /** What the thread is told; null: nothing. */
  text: string | null;
};

/** What an account may do now, by what was last read of Stripe. */
export async function readEntitlement(
  tx: Tx,
  {
    accountId,
    publicUrl,
    now,
    billing,
  }: { accountId: string; publicUrl: string | null; now: Date; billing: "on" | "off" },
): Promise<AccountEntitlement> {
  const { login, standing } = await readStanding(tx, { accountId, billing, now });
  const told = entitle(standing, now);
  const page = publicUrl === null ? null : `${publicUrl}/billing/${login}`;
  const { notice, day } = told;
  const text =
    notice === null ? null : renderNotice({ notice, day, login, page, checkoutBy: standing.checkoutBy });
  return { ...told, login, page, text };
}
