import { expect, test } from "vitest";
import { readConfig } from "../src/config.ts";
import { knownSecrets } from "../src/github/known-secrets.ts";

const whole = {
  ...{ STRIPE_SECRET_KEY: "sk_test_abc", STRIPE_WEBHOOK_SECRET: "whsec_new, whsec_old" },
  ...{ GITHUB_CLIENT_ID: "Iv1.abc", GITHUB_CLIENT_SECRET: "the-client-secret" },
};

test("without a key of Stripe's nobody is billed; a client for signing in alone changes nothing", () => {
  expect(readConfig({}).billing).toBeNull();
  const { GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET } = whole;
  expect(readConfig({ GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET }).billing).toBeNull();
  expect(readConfig({ STRIPE_SECRET_KEY: "", STRIPE_WEBHOOK_SECRET: "" }).billing).toBeNull();
});

test("with it the mode is that of the key, and every secret of an endpoint counts", () => {
  expect(readConfig(whole).billing).toEqual({
    ...{ secretKey: "sk_test_abc", apiUrl: "https://api.stripe.com", livemode: false },
    webhookSecrets: ["whsec_new", "whsec_old"],
  });
  const live = { ...whole, STRIPE_SECRET_KEY: "rk_live_abc", PUBLIC_URL: "https://bot.example.com" };
  expect(readConfig(live).billing?.livemode).toBe(true);
});

test.each<[came: string, Record<string, string>]>([
  ["PUBLIC_URL is not set", {}],
  ["PUBLIC_URL is http://localhost:3000", { PUBLIC_URL: "http://localhost:3000" }],
  [
    "WEBHOOK_PROXY_URL is set",
    { PUBLIC_URL: "https://bot.example.com", WEBHOOK_PROXY_URL: "https://smee.io/abc" },
  ],
])("a live key does not boot while %s, and a test key does", (came, more) => {
  const start = (key: string) => readConfig({ ...whole, ...more, STRIPE_SECRET_KEY: key });
  expect(() => start("sk_live_abc")).toThrow(`got a live one while ${came}`);
  expect(() => start("sk_live_abc")).not.toThrow("sk_live_abc");
  expect(start("sk_test_abc").billing?.livemode).toBe(false);
});

test.each(["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"] as const)(
  "without %s alone it does not boot, and the text names it and no value",
  (name) => {
    const half: Record<string, string> = { ...whole, [name]: "" };
    expect(() => readConfig(half)).toThrow(
      expect.objectContaining({
        code: "config-invalid",
        message: expect.stringContaining(`${name}: missing`) as unknown,
      }),
    );
    expect(() => readConfig(half)).not.toThrow(/sk_test_abc|whsec_new|the-client-secret/);
  },
);

test.each([
  ["STRIPE_SECRET_KEY", "pk_test_abc"],
  ["STRIPE_SECRET_KEY", "abc"],
  ["STRIPE_WEBHOOK_SECRET", "whsec_new, abc"],
  ["STRIPE_WEBHOOK_SECRET", ","],
  ["STRIPE_API_BASE", "api.stripe.com"],
])("%s=%s does not boot", (name, value) => {
  expect(() => readConfig({ ...whole, [name]: value })).toThrow(new RegExp(name));
});

test("none of its secrets is ever shown", () => {
  const secrets = knownSecrets({ ...readConfig(whole), databaseUrl: "postgres://a:b@c/d" });
  expect(secrets).toEqual(
    expect.arrayContaining(["sk_test_abc", "whsec_new", "whsec_old", "the-client-secret"]),
  );
});
