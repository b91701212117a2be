import type { Tx } from "../../db/client.ts";
import { readEntitlement } from "../billing/read-entitlement.ts";
import type { Deps } from "../deps.ts";
import { busyStatuses, type Task } from "./task-store.ts";

/** Where billing is on: by what the account's plan is judged. */
export type PlanTerms = { publicUrl: string | null; now: Date };

export const planTermsOf = ({
  plans,
  config,
  clock,
}: Pick<Deps, "plans" | "config" | "clock">): PlanTerms | null =>
  plans === undefined ? null : { publicUrl: config.server.publicUrl, now: clock.now() };

/**
 * What of the account's plan keeps a task from beginning, as a sentence of inline Markdown; null: nothing does. One that has begun goes
 * on under whoever claims it next: what becomes of running tasks is heed-plan's to say.
 */
export async function judgePlan(
  tx: Tx,
  { accountId, status }: Pick<Task, "accountId" | "status">,
  plan: PlanTerms | null,
): Promise<string | null> {
  if (plan === null || busyStatuses.some((busy) => busy === status)) return null;
  const { newWork, login, page } = await readEntitlement(tx, { accountId, billing: "on", ...plan });
  if (newWork.ok) return null;
  const owner = page === null ? "an owner" : `[an owner](${page})`;
  return `Nothing is started and nothing is charged meanwhile: the plan of \`${login}\` does not allow it now. It begins by itself once ${owner} has seen to that; \`/claude stop\` ends it.`;
}
