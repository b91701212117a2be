import type { Guard } from "../guard.ts";

const inbox = { group: "billing", promise: "P7", tests: ["test/webhooks/stripe-inbox.test.ts"] } as const;
const signature = { ...inbox, file: "src/webhooks/stripe-signature.ts" } as const;
const pages = { group: "billing", promise: "P7", tests: ["test/web/billing.test.ts"] } as const;
const payers = { group: "billing", promise: "P6", tests: ["test/billing/payers.test.ts"] } as const;
const plan = { group: "billing", promise: "P6", tests: ["test/webhooks/heed-plan.test.ts"] } as const;
const storm = { group: "billing", promise: "P6", tests: ["test/billing/storm.test.ts"] } as const;

/** Who pays, and who may say so. */
export const billingGuards: readonly Guard[] = [
  {
    ...inbox,
    name: "Stripe's signature",
    file: "src/webhooks/stripe-inbox.ts",
    source: "if (!signed)",
    without: "if (false)",
  },
  { ...signature, name: "a late signature", source: "> toleranceMs", without: "< 0" },
  { ...signature, name: "an empty secret", source: 'secret !== ""', without: "true" },
  {
    ...inbox,
    name: "the mode of the key",
    file: "src/webhooks/stripe-inbox.ts",
    source: "parsed.data.livemode === livemode",
    without: "true",
  },
  {
    ...inbox,
    name: "an event of Stripe's once",
    file: "src/billing/stripe-event-store.ts",
    source: "\n    .onConflictDoNothing()",
    without: "",
  },
  {
    ...pages,
    name: "owners alone",
    file: "src/web/read-owner.ts",
    source: 'role === "admin"',
    without: "true",
  },
  {
    ...pages,
    name: "an invited owner is none",
    file: "src/web/read-owner.ts",
    source: 'state === "active"',
    without: "true",
  },
  {
    ...pages,
    name: "the state of a sign-in",
    file: "src/web/billing.ts",
    source: "!isSame(state, kept.state)",
    without: "false",
  },
  {
    ...pages,
    name: "a form of our own page",
    file: "src/web/billing.ts",
    source: "if (request.headers.origin === undefined || !isSameOrigin(request))",
    without: "if (false)",
  },
  {
    ...pages,
    name: "an account by its number",
    file: "src/billing/payer-store.ts",
    source: "eq(account.githubId, githubId)",
    without: "sql`true`",
  },
  {
    ...pages,
    name: "the person's token ends",
    file: "src/web/billing.ts",
    source: "await endSignIn(settings, token)",
    without: "await Promise.resolve()",
  },
  {
    ...payers,
    name: "one open Checkout",
    file: "src/billing/open-payer-page.ts",
    source: "for (const { id } of open.data) await stripe.checkout.sessions.expire(id);",
    without: "void open;",
  },
  {
    ...payers,
    name: "the lock of a payer's row",
    file: "src/billing/payer-store.ts",
    source: '\n    .for("update")',
    without: "",
  },
  {
    ...payers,
    name: "an App that is back ends no plan",
    file: "src/billing/end-plan.ts",
    source: 'if (standing.installation !== "removed") return;',
    without: "",
  },
  {
    ...payers,
    name: "what was delivered stays",
    file: "src/billing/meter-error-store.ts",
    source: 'row?.state === "pending" || row?.state === "sending"',
    without: "false",
  },
  {
    ...plan,
    name: "the plan at the trigger",
    file: "src/webhooks/check-plan.ts",
    source: "if (!newWork.ok) throw",
    without: "if (Date.now() < 0) throw",
  },
  {
    ...plan,
    name: "the plan at the claim",
    file: "src/tasks/judge-plan.ts",
    source: "if (newWork.ok) return null;",
    without: "return null;",
  },
  {
    ...plan,
    name: "a task that has begun goes on",
    file: "src/tasks/judge-plan.ts",
    source: "|| busyStatuses.some((busy) => busy === status)",
    without: "",
  },
  {
    ...plan,
    name: "a plan that is back stops nothing",
    file: "src/webhooks/heed-plan.ts",
    source: 'if (plan === null || plan.running === "finish") return;',
    without: "",
  },
  {
    ...plan,
    name: "a notice once a period",
    file: "src/billing/notice-store.ts",
    source: "return row?.deliveryId === input.deliveryId;",
    without: "return true;",
  },
  {
    ...plan,
    name: "one command of a thread",
    file: "src/webhooks/ignored-store.ts",
    source: "newest.set(`${row.repositoryId}#${row.issueNumber}`",
    without: "newest.set(`${row.deliveryId}`",
  },
  {
    ...plan,
    tests: ["test/tasks/close-leg.test.ts"],
    name: "what no plan pays for is not sent",
    file: "src/billing/charge-leg.ts",
    source: ' && bill === "send"',
    without: "",
  },
  {
    ...plan,
    tests: ["test/billing/drain-outbox.test.ts"],
    name: "a key that is not taken pauses everything",
    file: "src/billing/drain-outbox.ts",
    source: "await pauseOutbox(deps.system, { delayMs: unauthorizedMs });",
    without: "",
  },
  {
    ...storm,
    name: "the identifier of a charge",
    file: "src/billing/deliver-meter-event.ts",
    source: "identifier: row.identifier,",
    without: "",
  },
  {
    ...storm,
    name: "a duplicate is no refusal",
    file: "src/billing/deliver-meter-event.ts",
    source: 'return { kind: "duplicate" };',
    without: 'return { kind: "refused", problem };',
  },
  {
    ...storm,
    name: "delivered only once it is sent",
    file: "src/billing/drain-outbox.ts",
    source: "const result = await attempt(deps, claimed.row);",
    without: `await recordVerdict(deps.system, claimed.row, { state: "delivered", via: "ack" });
    const result = await attempt(deps, claimed.row);`,
  },
  {
    ...storm,
    name: "a key of its own for each attempt",
    file: "src/billing/deliver-meter-event.ts",
    source: "idempotencyKey: `${row.identifier}#${attempt}`",
    without: "idempotencyKey: row.identifier",
  },
];
