import type { Environment } from "./environment.ts";

export type BillingConfig = {
  secretKey: string;
  /** `https://api.stripe.com`, or another server that speaks the same. */
  apiUrl: string;
  /** Of all endpoints at Stripe, and of one that is rotated both. */
  webhookSecrets: readonly [string, ...string[]];
  /** Whether the key moves real money. */
  livemode: boolean;
};

/** Half a configuration would take work and bill nobody, or bill and never hear of it. */
export function billingProblems(env: Environment): string[] {
  const { STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: secrets } = env;
  if ((key === undefined) === (secrets === undefined)) return [];
  const [missing, given] =
    key === undefined
      ? ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]
      : ["STRIPE_WEBHOOK_SECRET", "STRIPE_SECRET_KEY"];
  return [`${missing}: missing, while ${given} is set; set both, or neither to bill nobody`];
}

/** Null: nobody is billed, and nothing of Stripe's is loaded or asked. */
export function readBilling(env: Environment): BillingConfig | null {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: secrets } = env;
  const [first, ...others] = secrets ?? [];
  if (secretKey === undefined || first === undefined) return null;
  return {
    ...{ secretKey, apiUrl: env.STRIPE_API_BASE, webhookSecrets: [first, ...others] },
    livemode: /^[a-z]+_live_/.test(secretKey),
  };
}
