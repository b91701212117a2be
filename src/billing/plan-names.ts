/** What the plan's parts are called at Stripe: they are found by these names, so they never change. */
export const planNames = {
  /** Of the monthly fee, and of the price of what is used. */
  lookupKeys: { base: "remote_claude_base_v1", usage: "remote_claude_usage_v1" },
  /** Of the meter: whole cents. */
  eventName: "remote_claude_usage_cents",
  productId: "remote_claude",
  /** In the metadata of the portal's configuration. */
  portalKey: "remote_claude_plan",
} as const;

/** A month's fee, in whole cents, which is also what is included. Another fee is another lookup key: a price at Stripe never changes. */
export const planTerms = { currency: "usd", baseCents: 2_000 } as const;
