/** What the plan's parts are called at Stripe: they are found by these names, so they never change. */
export const planNames = {
  /** Of the monthly fee, and of the price of what is used. */
  lookupKeys: { base: "remote_claude_base_v1", usage: "remote_claude_usage_v1" },
  /** Of the meter: whole cents. */
  eventName: "remote_claude_usage_cents",
} as const;
