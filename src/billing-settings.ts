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

const isLive = (key: string) => /^[a-z]+_live_/.test(key);

/** Half a configuration would take work and bill nobody, or bill and never hear of it. */
export function billingProblems(env: Environment): string[] {
  const { STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: secrets } = env;
  if ((key === undefined) === (secrets === undefined))
    return key !== undefined && isLive(key) ? liveProblems(env) : [];
  const [missing, given] =
    key === undefined
      ? ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]
      : ["STRIPE_WEBHOOK_SECRET", "STRIPE_SECRET_KEY"];
  return [`${missing}: missing, while ${given} is set; set both, or neither to bill nobody`];
}

/** On a developer's machine a live key would take real money for tries. */
function liveProblems({ PUBLIC_URL: address, WEBHOOK_PROXY_URL: proxy }: Environment): string[] {
  if (address?.startsWith("https://") === true && proxy === undefined) return [];
  const came = proxy === undefined ? `PUBLIC_URL is ${address ?? "not set"}` : "WEBHOOK_PROXY_URL is set";
  return [
    `STRIPE_SECRET_KEY: expected a test key (sk_test_… or rk_test_…) on a server that is not in production, got a live one while ${came}; a live key needs PUBLIC_URL with https:// and no WEBHOOK_PROXY_URL`,
  ];
}

/** Null: nobody is billed, and nothing of Stripe's is loaded or asked. */
export function readBilling(env: Environment): BillingConfig | null {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: secrets } = env;
  const [first, ...others] = secrets ?? [];
  if (secretKey === undefined || first === undefined) return null;
  return {
    ...{ secretKey, apiUrl: env.STRIPE_API_BASE, webhookSecrets: [first, ...others] },
    livemode: isLive(secretKey),
  };
}
