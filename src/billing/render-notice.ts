import type { NoticeKind } from "./entitlement.ts";

export type NoticeInput = {
  notice: NoticeKind;
  login: string;
  /** The account's page of this server; its owners alone can do anything there. null: this server has none. */
  page: string | null;
  day: Date | null;
  /** Whoever has begun to set a plan up. */
  checkoutBy: string | null;
};

/** What a thread is told about an account's plan: Markdown, without amounts owed and without any address of Stripe's. */
export function renderNotice(input: NoticeInput): string {
  const { login, page, notice, checkoutBy } = input;
  const owner = page === null ? "An owner" : `[An owner](${page})`;
  const day = input.day === null ? null : input.day.toISOString().slice(0, 10);
  switch (notice) {
    case "no-plan":
      return `The account \`${login}\` has no plan yet, so nothing was started. ${owner} can set it up; then the command begins by itself.`;
    case "checkout-open":
      return `The plan of \`${login}\` is not set up to the end${checkoutBy === null ? "" : ` (\`${checkoutBy}\` began it)`}, so nothing was started. ${owner} can finish it; then the command begins by itself.`;
    case "payment-unconfirmed":
      return `The first payment of \`${login}\` still has to be confirmed, so nothing was started. ${owner} can confirm it; then the command begins by itself.`;
    case "trial":
      return `The account \`${login}\` is on trial${day === null ? "" : ` until ${day}`}.`;
    case "plan-ends":
      return `The plan of \`${login}\` ends${day === null ? " soon" : ` on ${day}`}; until then everything works as usual.`;
    case "past-due":
      return `A payment of \`${login}\` failed. Work goes on within limits${day === null ? "" : ` until ${day}`}; ${ownerInside(owner)} can mend it.`;
    case "payment-failed":
      return `A payment of \`${login}\` failed${day === null ? "" : ` on ${day}`} and is still open, so nothing new is started. ${owner} can mend it; branches and pull requests stay as they are.`;
    case "plan-paused":
      return `The plan of \`${login}\` is paused, so nothing new is started. ${owner} can resume it.`;
    case "plan-ended":
      return `The plan of \`${login}\` has ended, so nothing new is started. Branches and pull requests stay as they are; ${ownerInside(owner)} can begin a new plan.`;
    case "status-unknown":
      return `The plan of \`${login}\` is in a state that this server does not know, so nothing new is started. Its operator has been told.`;
    case "disputed":
      return `Nothing new is started for \`${login}\` at the moment. ${owner} finds out why.`;
    case "open-amount":
      return `What \`${login}\` has used and not paid for yet is as much as may be open at the moment, so nothing new is started. ${owner} can mend it.`;
    case "suspended":
      return `The installation of this App at \`${login}\` is suspended, so nothing new is started.`;
  }
}

/** In the middle of a sentence. */
const ownerInside = (owner: string): string => owner.replace("An owner", "an owner");
