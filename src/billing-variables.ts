import { z } from "zod";

const words = z.string().transform((value) =>
  value
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean),
);

/** The part of src/environment.ts about who pays: the App's sign-in for account owners, and Stripe. */
export const billingVariables = {
  GITHUB_CLIENT_ID: z
    .string()
    .optional()
    .describe("The App's OAuth client id: account owners sign in with it on the pages of their plan."),
  GITHUB_CLIENT_SECRET: z.string().optional().describe("The App's OAuth client secret."),
  STRIPE_SECRET_KEY: z
    .string()
    .regex(/^(sk|rk)_(test|live)_\w+$/, "expected sk_test_…, sk_live_…, rk_test_… or rk_live_…")
    .optional()
    .describe("Stripe's secret or restricted key; absent: nobody is billed."),
  STRIPE_WEBHOOK_SECRET: words
    .pipe(z.array(z.string().regex(/^whsec_\w+$/, "expected whsec_…, comma separated")).min(1))
    .optional()
    .describe(
      "The signing secrets of this server's endpoints at Stripe, comma separated; while one is rotated both.",
    ),
  STRIPE_API_BASE: z
    .url({ protocol: /^https?$/ })
    .transform((value) => value.replace(/\/+$/, ""))
    .default("https://api.stripe.com")
    .describe("Stripe's API."),
};
