import { apply, having, mergeMetadata } from "./call.ts";
import type { Handler } from "./call.ts";
import { emit } from "./emit.ts";
import { maybeMember, maybeText, members, number, text } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { complete } from "./shape-object.ts";
import { invalid } from "./stripe-error.ts";
import { all, get, newId, save } from "./world.ts";
import type { World } from "./world.ts";

const productFields = [
  "active",
  "description",
  "name",
  "statement_descriptor",
  "tax_code",
  "unit_label",
  "url",
];

/** Products and prices. */
export const catalogue: Readonly<Record<string, Handler>> = {
  "Products.create": ({ world, params }) => {
    const id = maybeText(params, "id");
    if (id !== null && world.objects.has(id)) {
      throw invalid("Product already exists.", { code: "resource_already_exists", param: "id" });
    }
    const product = complete("Products:Product", {
      id: id ?? newId("prod"),
      object: "product",
      active: true,
      created: world.clock.now(),
      default_price: null,
      livemode: false,
      name: "",
      tax_code: null,
      type: "service",
      unit_label: null,
      updated: world.clock.now(),
    });
    apply(product, params, productFields);
    mergeMetadata(product, params["metadata"]);
    save(world, product);
    emit(world, "product.created", product);
    return product;
  },
  "Products.retrieve": ({ world, id }) => get(world, "product", id),
  "Products.update": ({ world, id, params }) => {
    const product = get(world, "product", id);
    apply(product, params, productFields);
    mergeMetadata(product, params["metadata"]);
    product["updated"] = world.clock.now();
    emit(world, "product.updated", product);
    return product;
  },
  "Products.list": ({ world, params }) => {
    const ids = params["ids"];
    const found = having(all(world, "product"), params, ["active", "url"]);
    return Array.isArray(ids) ? found.filter((one) => ids.includes(text(one, "id"))) : found;
  },
  "Prices.create": ({ world, params }) => {
    checkPrice(world, params);
    const price = makePrice(world, params);
    takeLookupKey(world, price, params);
    save(world, price);
    emit(world, "price.created", price);
    return price;
  },
  "Prices.retrieve": ({ world, id }) => get(world, "price", id),
  "Prices.update": ({ world, id, params }) => {
    const price = get(world, "price", id);
    apply(price, params, ["active", "nickname", "tax_behavior"]);
    mergeMetadata(price, params["metadata"]);
    takeLookupKey(world, price, params);
    emit(world, "price.updated", price);
    return price;
  },
  "Prices.list": ({ world, params }) => {
    const keys = params["lookup_keys"];
    if (Array.isArray(keys) && keys.length > 10) {
      throw invalid("You may only specify up to 10 lookup_keys.", { param: "lookup_keys" });
    }
    const found = having(all(world, "price"), params, ["active", "currency", "product", "type"]);
    return Array.isArray(keys) ? found.filter((one) => keys.includes(one["lookup_key"] ?? null)) : found;
  },
};

/** A lookup key is unique among active prices; `transfer_lookup_key` takes it from whoever has it. */
function takeLookupKey(world: World, price: JsonObject, params: JsonObject): void {
  const key = maybeText(params, "lookup_key");
  if (params["lookup_key"] === undefined) return;
  const holder = all(world, "price").find((one) => one["lookup_key"] === key && one["id"] !== price["id"]);
  if (key !== null && holder !== undefined) {
    if (params["transfer_lookup_key"] !== true) {
      const message = `A price (\`${text(holder, "id")}\`) already uses that lookup key.`;
      throw invalid(message, { param: "lookup_key" });
    }
    holder["lookup_key"] = null;
  }
  price["lookup_key"] = key;
}

function checkPrice(world: World, params: JsonObject): void {
  const recurring = maybeMember(params, "recurring");
  const tiered = params["billing_scheme"] === "tiered";
  if ((params["product"] === undefined) === (params["product_data"] === undefined)) {
    throw invalid("You must specify either `product` or `product_data`.", { param: "product" });
  }
  if (params["product"] !== undefined) get(world, "product", params["product"], "product");
  if (!/^[a-z]{3}$/.test(text(params, "currency"))) {
    throw invalid(`Invalid currency: ${text(params, "currency")}.`, { param: "currency" });
  }
  if (recurring["usage_type"] === "metered") {
    const meter = maybeText(recurring, "meter");
    if (meter === null) {
      throw invalid("Metered prices must be backed by a meter.", {
        code: "parameter_missing",
        param: "recurring[meter]",
      });
    }
    const found = get(world, "billing.meter", meter, "recurring[meter]");
    if (found["status"] !== "active") throw invalid("The meter is inactive.", { param: "recurring[meter]" });
  } else if (recurring["meter"] !== undefined) {
    throw invalid("A meter may only be given for `usage_type=metered`.", { param: "recurring[meter]" });
  }
  const flat = params["unit_amount"] !== undefined || params["unit_amount_decimal"] !== undefined;
  if (params["unit_amount"] !== undefined && params["unit_amount_decimal"] !== undefined) {
    throw invalid("You may only specify one of these parameters: unit_amount, unit_amount_decimal.");
  }
  if (!tiered && !flat)
    throw invalid("One of unit_amount or unit_amount_decimal must be given.", { param: "unit_amount" });
  if (tiered && flat)
    throw invalid("`unit_amount` cannot be used when `billing_scheme=tiered`.", { param: "unit_amount" });
  if (tiered) checkTiers(params);
  else if (params["tiers"] !== undefined || params["tiers_mode"] !== undefined) {
    throw invalid("`tiers` can only be used when `billing_scheme=tiered`.", { param: "tiers" });
  }
}

function checkTiers(params: JsonObject): void {
  const tiers = members(params, "tiers");
  if (tiers.length === 0 || params["tiers_mode"] === undefined) {
    throw invalid("`tiers` and `tiers_mode` are required when `billing_scheme=tiered`.", { param: "tiers" });
  }
  if (tiers.at(-1)?.["up_to"] !== "inf") {
    throw invalid("The last tier must have `up_to=inf`.", { param: `tiers[${tiers.length - 1}][up_to]` });
  }
  let last = 0;
  for (const [index, tier] of tiers.entries()) {
    const upTo = tier["up_to"];
    if (typeof upTo === "number" && upTo <= last)
      throw invalid("Tiers must ascend.", { param: `tiers[${index}][up_to]` });
    if (typeof upTo !== "number" && index < tiers.length - 1) {
      throw invalid("Only the last tier may have `up_to=inf`.", { param: `tiers[${index}][up_to]` });
    }
    last = typeof upTo === "number" ? upTo : last;
    const amounts = ["unit_amount", "unit_amount_decimal", "flat_amount", "flat_amount_decimal"];
    if (!amounts.some((name) => tier[name] !== undefined)) {
      throw invalid("A tier must have an amount.", { param: `tiers[${index}]` });
    }
  }
}

function makePrice(world: World, params: JsonObject): JsonObject {
  const recurring = maybeMember(params, "recurring");
  const isRecurring = params["recurring"] !== undefined;
  const price = complete("Prices:Price", {
    id: newId("price"),
    object: "price",
    active: params["active"] ?? true,
    billing_scheme: params["billing_scheme"] ?? "per_unit",
    created: world.clock.now(),
    currency: text(params, "currency"),
    livemode: false,
    nickname: params["nickname"] ?? null,
    product: params["product"] ?? productOf(world, maybeMember(params, "product_data")),
    recurring: isRecurring
      ? {
          interval: text(recurring, "interval"),
          interval_count: recurring["interval_count"] ?? 1,
          meter: recurring["meter"] ?? null,
          trial_period_days: recurring["trial_period_days"] ?? null,
          usage_type: recurring["usage_type"] ?? "licensed",
        }
      : null,
    tax_behavior: params["tax_behavior"] ?? "unspecified",
    tiers_mode: params["tiers_mode"] ?? null,
    type: isRecurring ? "recurring" : "one_time",
    ...amountsOf(params),
  });
  if (params["billing_scheme"] === "tiered") price["tiers"] = members(params, "tiers").map(tierOf);
  mergeMetadata(price, params["metadata"]);
  return price;
}

function productOf(world: World, data: JsonObject): string {
  const product = complete("Products:Product", {
    id: newId("prod"),
    object: "product",
    active: true,
    created: world.clock.now(),
    livemode: false,
    name: text(data, "name"),
    type: "service",
    updated: world.clock.now(),
  });
  return text(save(world, product), "id");
}

/** Whole amounts are told both ways, broken ones as a decimal alone. */
function amountsOf(params: JsonObject): JsonObject {
  const { unit_amount: whole, unit_amount_decimal: decimal } = params;
  if (typeof whole === "number") return { unit_amount: whole, unit_amount_decimal: String(whole) };
  if (typeof decimal !== "string") return { unit_amount: null, unit_amount_decimal: null };
  return { unit_amount: wholeOf(decimal), unit_amount_decimal: decimal };
}

function wholeOf(decimal: string): number | null {
  return Number.isInteger(Number(decimal)) ? Number(decimal) : null;
}

function tierOf(tier: JsonObject): JsonObject {
  const pair = (name: string): JsonObject => {
    const [whole, decimal] = [tier[name], tier[`${name}_decimal`]];
    const told: Json = typeof whole === "number" ? String(whole) : (decimal ?? null);
    return { [name]: typeof told === "string" ? wholeOf(told) : null, [`${name}_decimal`]: told };
  };
  return {
    ...pair("flat_amount"),
    ...pair("unit_amount"),
    up_to: tier["up_to"] === "inf" ? null : number(tier, "up_to"),
  };
}
