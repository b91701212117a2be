import { having, mergeMetadata } from "./call.ts";
import type { Handler } from "./call.ts";
import { expireSession } from "./checkout-life.ts";
import { isObject, maybeMember, maybeNumber, maybeText, member, members, number, text } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { isMetered, rate } from "./rate.ts";
import { complete } from "./shape-object.ts";
import { invalid } from "./stripe-error.ts";
import { all, get, newId, save } from "./world.ts";
import type { World } from "./world.ts";

const modelled = new Set([
  ...[
    "mode",
    "customer",
    "customer_email",
    "client_reference_id",
    "line_items",
    "subscription_data",
    "metadata",
  ],
  ...["tax_id_collection", "automatic_tax", "success_url", "cancel_url", "expires_at", "expand", "ui_mode"],
  ...["allow_promotion_codes", "billing_address_collection", "customer_update", "locale"],
  ...["payment_method_collection", "currency", "allowed_payment_method_types"],
]);

/** Checkout for subscriptions and for cards alone; the page itself is `completeCheckout` of the stand-in's controls. */
export const checkout: Readonly<Record<string, Handler>> = {
  "Checkout/Sessions.create": ({ world, params }) => {
    const odd = Object.keys(params).find((name) => !modelled.has(name));
    if (odd !== undefined) throw new Error(`The stand-in does not model ${odd} of a Checkout session.`);
    check(world, params);
    return makeSession(world, params);
  },
  "Checkout/Sessions.retrieve": ({ world, id }) => get(world, "checkout.session", id),
  "Checkout/Sessions.list": ({ world, params }) =>
    having(all(world, "checkout.session"), params, ["customer", "status", "subscription"]),
  "Checkout/Sessions.expire": ({ world, id }) => {
    const session = get(world, "checkout.session", id);
    if (session["status"] !== "open") {
      throw invalid(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${text(session, "status")}.`,
      );
    }
    expireSession(world, session);
    return session;
  },
  "Checkout/Sessions.listLineItems": ({ world, id }) =>
    members(member(get(world, "checkout.session", id), "line_items"), "data").toReversed(),
};

function check(world: World, params: JsonObject): void {
  if (params["mode"] === undefined) throw gone("mode");
  if (params["mode"] !== "subscription" && params["mode"] !== "setup") {
    throw new Error(`The stand-in models no Checkout of mode ${text(params, "mode")}.`);
  }
  if (params["ui_mode"] !== undefined && params["ui_mode"] !== "hosted_page") {
    throw new Error("The stand-in models Checkout's hosted page alone.");
  }
  if (params["success_url"] === undefined) throw gone("success_url");
  for (const name of ["success_url", "cancel_url"]) {
    const url = maybeText(params, name);
    if (url !== null && !URL.canParse(url))
      throw invalid("Not a valid URL", { code: "url_invalid", param: name });
  }
  if (params["customer"] !== undefined && params["customer_email"] !== undefined) {
    throw invalid("You may only specify one of these parameters: customer, customer_email.");
  }
  if (params["customer"] !== undefined) get(world, "customer", params["customer"], "customer");
  if (params["customer_update"] !== undefined && params["customer"] === undefined) {
    throw invalid("`customer_update` can only be used with `customer`.", { param: "customer_update" });
  }
  if (maybeMember(params, "tax_id_collection")["enabled"] === true && params["customer"] !== undefined) {
    if (maybeText(maybeMember(params, "customer_update"), "name") !== "auto") {
      throw invalid(
        "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an existing customer, please set `customer_update[name]` to `auto`.",
        { param: "customer_update[name]" },
      );
    }
  }
  const expiresAt = maybeNumber(params, "expires_at");
  const inSeconds = expiresAt === null ? 86_400 : expiresAt - world.clock.now();
  if (inSeconds < 30 * 60) {
    throw invalid("The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", {
      param: "expires_at",
    });
  }
  if (inSeconds > 24 * 60 * 60) {
    throw invalid("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", {
      param: "expires_at",
    });
  }
  if (params["mode"] === "setup") {
    checkSetup(params);
    return;
  }
  checkItems(world, params);
  const trialEnd = maybeNumber(maybeMember(params, "subscription_data"), "trial_end");
  if (trialEnd !== null && trialEnd < world.clock.now() + 48 * 3600) {
    throw invalid("The `trial_end` date has to be at least 2 days in the future.", {
      param: "subscription_data[trial_end]",
    });
  }
}

/** A session that only takes a card down has nothing to sell. */
function checkSetup(params: JsonObject): void {
  for (const name of ["line_items", "subscription_data"]) {
    if (params[name] !== undefined) {
      throw invalid(`You can not pass \`${name}\` in \`setup\` mode.`, { param: name });
    }
  }
  if (params["currency"] === undefined) throw gone("currency");
}

function checkItems(world: World, params: JsonObject): void {
  const items = members(params, "line_items");
  if (items.length === 0) throw gone("line_items");
  if (items.length > 20)
    throw invalid("At most 20 line items with recurring prices.", { param: "line_items" });
  for (const [index, item] of items.entries()) {
    const at = `line_items[${index}]`;
    if (item["price_data"] !== undefined)
      throw new Error("The stand-in does not model price_data in Checkout.");
    const price = get(world, "price", item["price"], `${at}[price]`);
    if (price["active"] !== true) {
      throw invalid("The price specified is inactive. This field only accepts active prices.", {
        param: `${at}[price]`,
      });
    }
    if (price["type"] !== "recurring") continue;
    if (isMetered(price) && item["quantity"] !== undefined) {
      throw invalid(
        `Quantity should not be specified where usage_type is \`metered\`. Remove quantity from \`${at}\``,
        {
          param: `${at}[quantity]`,
        },
      );
    }
    if (!isMetered(price) && item["quantity"] === undefined) {
      throw invalid(`Quantity is required. Add \`quantity\` to \`${at}\``, { param: `${at}[quantity]` });
    }
  }
  if (!items.some((item) => get(world, "price", item["price"])["type"] === "recurring")) {
    throw invalid("You must provide at least one recurring price in `subscription` mode when using prices.", {
      param: "line_items",
    });
  }
}

function makeSession(world: World, params: JsonObject): JsonObject {
  const id = newId("cs_test");
  const lines = members(params, "line_items").map((item) => lineOf(world, item));
  const isSetup = params["mode"] === "setup";
  const total = isSetup ? null : lines.reduce((sum, line) => sum + number(line, "amount_total"), 0);
  const given = (name: string): Json => params[name] ?? null;
  const session = complete("Checkout/Sessions:Session", {
    id,
    object: "checkout.session",
    amount_subtotal: total,
    amount_total: total,
    automatic_tax: complete("Checkout/Sessions:Session.AutomaticTax", {
      enabled: maybeMember(params, "automatic_tax")["enabled"] ?? false,
    }),
    allow_promotion_codes: given("allow_promotion_codes"),
    billing_address_collection: given("billing_address_collection"),
    cancel_url: given("cancel_url"),
    client_reference_id: given("client_reference_id"),
    created: world.clock.now(),
    currency: lines[0]?.["currency"] ?? given("currency"),
    custom_fields: [],
    custom_text: complete("Checkout/Sessions:Session.CustomText", {}),
    customer: given("customer"),
    customer_email: given("customer_email"),
    expires_at: maybeNumber(params, "expires_at") ?? world.clock.now() + 86_400,
    line_items: {
      object: "list",
      data: lines,
      has_more: false,
      url: `/v1/checkout/sessions/${id}/line_items`,
    },
    livemode: false,
    locale: given("locale"),
    metadata: {},
    mode: text(params, "mode"),
    payment_method_collection: params["payment_method_collection"] ?? "always",
    payment_method_options: {},
    payment_method_types: ["card"],
    payment_status: isSetup ? "no_payment_required" : "unpaid",
    phone_number_collection: { enabled: false },
    shipping_options: [],
    status: "open",
    success_url: given("success_url"),
    ui_mode: "hosted_page",
    url: `https://checkout.stripe.com/c/pay/${id}#${newId("fid").slice(4)}`,
  });
  if (isObject(params["tax_id_collection"])) {
    session["tax_id_collection"] = {
      enabled: params["tax_id_collection"]["enabled"] ?? false,
      required: "never",
    };
  }
  mergeMetadata(session, params["metadata"]);
  // What the subscription will be made of is no part of the session that the API shows.
  save(world, {
    id: `${id}#order`,
    object: "stand-in.order",
    data: maybeMember(params, "subscription_data"),
  });
  return save(world, session);
}

function lineOf(world: World, item: JsonObject): JsonObject {
  const price = get(world, "price", item["price"]);
  const metered = price["type"] === "recurring" && isMetered(price);
  const quantity = metered ? 0 : number(item, "quantity");
  const amount = rate(price, quantity, 0).reduce((sum, line) => sum + line.amount, 0);
  const product = world.objects.get(text(price, "product"));
  return complete("LineItems:LineItem", {
    id: newId("li"),
    object: "item",
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency: text(price, "currency"),
    description: product?.["name"] ?? null,
    metadata: {},
    price: structuredClone(price),
    quantity: metered ? null : quantity,
  });
}

function gone(param: string): Error {
  return invalid(`Missing required param: ${param}.`, { code: "parameter_missing", param });
}
