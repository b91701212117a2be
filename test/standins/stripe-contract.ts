import { randomBytes } from "node:crypto";
import Stripe from "stripe";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** A Stripe to be asked: the stand-in, or Stripe's own test mode. */
export type StripeSubject = {
  client: Stripe;
  /** A client like it with another key. */
  clientWith(apiKey: string): Stripe;
  /** How long a meter event may take to show. */
  summaryMs: number;
  close(): Promise<void>;
};

export type Refused = { status: number | undefined; type: string; code: string | null; message: string };

/** How a call was refused; a call that was taken is an error. */
export async function refused(call: Promise<unknown>): Promise<Refused> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    return {
      ...{ status: error.statusCode, type: error.type, code: error.code ?? null, message: error.message },
    };
  }
  throw new Error("Expected Stripe to refuse the call, but it took it.");
}

type Shop = {
  productId: string;
  meter: Stripe.Billing.Meter;
  base: Stripe.Price;
  usage: Stripe.Price;
  eventName: string;
};

/** What billing relies on, written once for every Stripe; names carry a random word, for test mode keeps what was made. */
export function describeStripe(name: string, open: () => Promise<StripeSubject>): void {
  describe(name, () => {
    const word = randomBytes(5).toString("hex");
    let subject: StripeSubject;
    let stripe: Stripe;
    let shop: Shop;

    beforeAll(async () => {
      subject = await open();
      stripe = subject.client;
      shop = await openShop(stripe, word);
    }, 60_000);
    afterAll(async () => {
      await stripe.billing.meters.deactivate(shop.meter.id);
      await subject.close();
    }, 60_000);

    const customerWithCard = async (): Promise<Stripe.Customer> => {
      const customer = await stripe.customers.create({ name: "acme", metadata: { github_account_id: word } });
      const method = await stripe.paymentMethods.attach("pm_card_visa", { customer: customer.id });
      return stripe.customers.update(customer.id, {
        invoice_settings: { default_payment_method: method.id },
      });
    };
    const subscribe = (customer: string) =>
      stripe.subscriptions.create({
        customer,
        billing_mode: { type: "flexible" },
        items: [{ price: shop.base.id, quantity: 1 }, { price: shop.usage.id }],
      });
    const report = (
      customer: string,
      value: number,
      more: Partial<Stripe.Billing.MeterEventCreateParams> = {},
    ) =>
      stripe.billing.meterEvents.create({
        ...{ event_name: shop.eventName, payload: { stripe_customer_id: customer, value: String(value) } },
        ...more,
      });

    test("prices are found by their lookup keys, and a key belongs to one price", async () => {
      const keys = [`base_${word}`, `usage_${word}`];
      const found = await stripe.prices.list({ lookup_keys: keys, expand: ["data.tiers"] });
      expect(found.data.map(({ lookup_key: key }) => key).toSorted()).toEqual(keys);
      const usage = found.data.find(({ id }) => id === shop.usage.id);
      expect(usage?.recurring).toMatchObject({ usage_type: "metered", meter: shop.meter.id });
      expect(usage?.tiers?.map(({ up_to: upTo, unit_amount: amount }) => [upTo, amount])).toEqual([
        [2_000, 0],
        [null, 1],
      ]);
      const again = stripe.prices.create({
        ...{ product: shop.productId, currency: "usd", unit_amount: 1, lookup_key: `base_${word}` },
      });
      expect(await refused(again)).toMatchObject({ status: 400, type: "StripeInvalidRequestError" });
    });

    test("an event name has one active meter", async () => {
      const second = stripe.billing.meters.create({
        ...{ display_name: "second", event_name: shop.eventName },
        default_aggregation: { formula: "sum" },
      });
      expect(await refused(second)).toMatchObject({ status: 400 });
    });

    test("metadata is merged, and an empty value takes its key away", async () => {
      const { id } = await stripe.customers.create({ metadata: { a: "1", b: "2" } });
      const changed = await stripe.customers.update(id, { metadata: { a: "", c: "3" } });
      expect(changed.metadata).toEqual({ b: "2", c: "3" });
    });

    test("Checkout sells the plan: no quantity on what is metered, a page, and an end", async () => {
      const customer = await customerWithCard();
      const order = (usage: Stripe.Checkout.SessionCreateParams.LineItem) =>
        stripe.checkout.sessions.create({
          ...{ mode: "subscription", customer: customer.id, client_reference_id: "42" },
          line_items: [{ price: shop.base.id, quantity: 1 }, usage],
          subscription_data: { metadata: { ref: word }, billing_mode: { type: "flexible" } },
          success_url: "https://example.com/done",
        });
      expect(await refused(order({ price: shop.usage.id, quantity: 1 }))).toMatchObject({ status: 400 });
      const session = await order({ price: shop.usage.id });
      expect(session).toMatchObject({ status: "open", customer: customer.id, livemode: false });
      expect(session.url).toMatch(/^https:\/\/checkout\.stripe\.com\//);
      expect((await stripe.checkout.sessions.expire(session.id)).status).toBe("expired");
      expect(await refused(stripe.checkout.sessions.expire(session.id))).toMatchObject({ status: 400 });
    });

    test("the portal is entered by a link", async () => {
      const customer = await customerWithCard();
      const configuration = await stripe.billingPortal.configurations.create({
        features: {
          invoice_history: { enabled: true },
          payment_method_update: { enabled: true },
          subscription_cancel: { enabled: true, mode: "at_period_end" },
        },
      });
      const session = await stripe.billingPortal.sessions.create({
        ...{ customer: customer.id, configuration: configuration.id, return_url: "https://example.com/" },
      });
      expect(session.url).toMatch(/^https:\/\/billing\.stripe\.com\//);
    });

    test("a subscription is paid at once, ends with its period when asked, and is cancelled", async () => {
      const customer = await customerWithCard();
      const { id, status, items } = await subscribe(customer.id);
      expect(status).toBe("active");
      const [item] = items.data;
      expect(item?.current_period_end).toBeGreaterThan(item?.current_period_start ?? 0);
      const ending = await stripe.subscriptions.update(id, { cancel_at_period_end: true });
      expect(ending).toMatchObject({ status: "active", cancel_at_period_end: true });
      expect((await stripe.subscriptions.cancel(id)).status).toBe("canceled");
      expect((await stripe.subscriptions.retrieve(id)).ended_at).not.toBeNull();
    });

    test("a credit note on a paid invoice says where the money goes", async () => {
      const customer = await customerWithCard();
      const { latest_invoice: latest } = await subscribe(customer.id);
      if (typeof latest !== "string") throw new Error("Expected the id of an invoice, got none.");
      const invoice = await stripe.invoices.retrieve(latest);
      expect(invoice).toMatchObject({ status: "paid", amount_paid: 2_000 });
      const ask = { invoice: latest, amount: 150, metadata: { ref: word } };
      expect(await refused(stripe.creditNotes.create(ask))).toMatchObject({ status: 400 });
      const note = await stripe.creditNotes.create({ ...ask, credit_amount: 150 });
      expect(note).toMatchObject({ amount: 150, status: "issued" });
    });

    test("an identifier is taken once: the second is refused in the words that mean delivered", async () => {
      const customer = await customerWithCard();
      const identifier = `${word}:1:1`;
      expect(await report(customer.id, 5, { identifier })).toMatchObject({ identifier });
      expect(await refused(report(customer.id, 5, { identifier }))).toMatchObject({
        ...{ status: 400, type: "StripeInvalidRequestError", code: null },
        message: expect.stringContaining(`already exists with identifier ${identifier}`) as unknown,
      });
    });

    test("a meter event is at most 35 days old and 5 minutes ahead", async () => {
      const customer = await customerWithCard();
      const now = Math.floor(Date.now() / 1000);
      for (const timestamp of [now - 36 * 86_400, now + 600])
        expect(await refused(report(customer.id, 1, { timestamp }))).toMatchObject({ status: 400 });
    });

    test("summaries come to what was reported, without what was cancelled", async () => {
      const customer = await customerWithCard();
      const timestamp = Math.floor(Date.now() / 1000) - 120;
      await report(customer.id, 150, { identifier: `${word}:2:1`, timestamp });
      await report(customer.id, 30, { identifier: `${word}:2:2`, timestamp });
      await stripe.billing.meterEventAdjustments.create({
        ...{ event_name: shop.eventName, type: "cancel", cancel: { identifier: `${word}:2:2` } },
      });
      const start = timestamp - (timestamp % 60);
      const sum = async () => {
        const range = { customer: customer.id, start_time: start, end_time: start + 60 };
        const { data } = await stripe.billing.meters.listEventSummaries(shop.meter.id, range);
        return data.reduce((total, { aggregated_value: value }) => total + value, 0);
      };
      await expect.poll(sum, { timeout: subject.summaryMs, interval: 500 }).toBe(150);
      const odd = { customer: customer.id, start_time: start + 1, end_time: start + 60 };
      const unaligned = stripe.billing.meters.listEventSummaries(shop.meter.id, odd);
      expect(await refused(unaligned)).toMatchObject({ status: 400 });
    }, 180_000);

    test("an idempotency key replays its answer, and refuses other parameters", async () => {
      const key = { idempotencyKey: `${word}-customer` };
      const first = await stripe.customers.create({ name: "one" }, key);
      const second = await stripe.customers.create({ name: "one" }, key);
      expect(second.id).toBe(first.id);
      expect(second.lastResponse.headers["idempotent-replayed"]).toBe("true");
      const other = stripe.customers.create({ name: "two" }, key);
      expect(await refused(other)).toMatchObject({ status: 400, type: "StripeIdempotencyError" });
    });

    test("what is not there is named, and a wrong key is refused", async () => {
      expect(await refused(stripe.customers.retrieve("cus_none"))).toMatchObject({
        ...{ status: 404, code: "resource_missing", message: "No such customer: 'cus_none'" },
      });
      const stranger = subject.clientWith(`sk_test_${"0".repeat(24)}`);
      expect(await refused(stranger.products.list())).toMatchObject({
        ...{ status: 401, type: "StripeAuthenticationError" },
      });
    });

    test("events are listed by their type, the newest first", async () => {
      const { id } = await stripe.customers.create({ name: `last ${word}` });
      const newest = async () => {
        const { data } = await stripe.events.list({ type: "customer.created", limit: 20 });
        return data.map((event) => (event.data.object as Stripe.Customer).id);
      };
      await expect.poll(newest, { timeout: 20_000, interval: 500 }).toContain(id);
    }, 30_000);
  });
}

async function openShop(stripe: Stripe, word: string): Promise<Shop> {
  const eventName = `agent_usage_cents_${word}`;
  const meter = await stripe.billing.meters.create({
    ...{ display_name: "Agent usage", event_name: eventName, default_aggregation: { formula: "sum" } },
    customer_mapping: { type: "by_id", event_payload_key: "stripe_customer_id" },
    value_settings: { event_payload_key: "value" },
  });
  const product = await stripe.products.create({ name: `Agent ${word}` });
  const monthly = { product: product.id, currency: "usd" };
  const base = await stripe.prices.create({
    ...{ ...monthly, lookup_key: `base_${word}`, unit_amount: 2_000, recurring: { interval: "month" } },
  });
  const usage = await stripe.prices.create({
    ...{ ...monthly, lookup_key: `usage_${word}`, billing_scheme: "tiered", tiers_mode: "graduated" },
    recurring: { interval: "month", usage_type: "metered", meter: meter.id },
    tiers: [
      { up_to: 2_000, unit_amount: 0 },
      { up_to: "inf", unit_amount_decimal: Stripe.Decimal.from("1") },
    ],
  });
  return { productId: product.id, meter, base, usage, eventName };
}
