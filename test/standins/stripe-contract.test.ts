import Stripe from "stripe";
import { expect } from "vitest";
import { describeStripe } from "./stripe-contract.ts";
import { startStripe } from "./stripe/start-stripe.ts";

const plain = { maxNetworkRetries: 0, telemetry: false };

describeStripe("the stand-in as Stripe", async () => {
  const standin = await startStripe();
  const clientWith = (key: string) => new Stripe(key, { ...plain, ...standin.sdk });
  return {
    ...{ client: clientWith(standin.apiKey), clientWith, summaryMs: 5_000 },
    close: async () => {
      expect(standin.violations).toEqual([]);
      await standin.close();
    },
  };
});

// The same questions to Stripe's own test mode, for whoever has a key: stripe/README.md says how.
const testKey = process.env["STRIPE_TEST_KEY"];
if (testKey !== undefined && testKey !== "") {
  if (!/^(sk|rk)_test_/.test(testKey))
    throw new Error("Expected STRIPE_TEST_KEY to begin with sk_test_ or rk_test_; a live key is never used.");
  const clientWith = (key: string) => new Stripe(key, plain);
  describeStripe("Stripe's test mode", () =>
    Promise.resolve({
      ...{ client: clientWith(testKey), clientWith, summaryMs: 120_000 },
      close: () => Promise.resolve(),
    }),
  );
}
