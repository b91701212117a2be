import { maybeText, member, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { aggregate } from "./meter-sum.ts";
import { rate } from "./rate.ts";
import type { RatedLine } from "./rate.ts";
import { complete } from "./shape-object.ts";
import { newId } from "./world.ts";
import type { UsagePart, World } from "./world.ts";

type Period = { start: number; end: number };

/** Lines of a subscription item for the units from `billed` to `total`. */
export function itemLines(
  world: World,
  item: JsonObject,
  units: { total: number; billed: number; period: Period },
): JsonObject[] {
  const price = fullPrice(world, item);
  const product = text(price, "product");
  const name = maybeText(world.objects.get(product) ?? {}, "name") ?? product;
  return rate(price, units.total, units.billed).map((rated) =>
    lineOf({
      rated,
      description: `${rated.quantity} × ${name}${rated.note}`,
      currency: text(price, "currency"),
      period: units.period,
      subscription: text(item, "subscription"),
      price: { price: text(price, "id"), product },
      parent: {
        invoice_item_details: null,
        subscription_item_details: {
          invoice_item: null,
          proration: false,
          proration_details: null,
          subscription: text(item, "subscription"),
          subscription_item: text(item, "id"),
        },
        type: "subscription_item_details",
      },
    }),
  );
}

/** Lines of metered usage as it is counted now; a negative sum is invoiced as nothing. */
export function usageLines(world: World, part: UsagePart): JsonObject[] {
  const total = usageOf(world, part);
  return itemLines(world, part.item, {
    total: Math.max(total, part.billed),
    billed: part.billed,
    period: { start: part.from, end: part.to },
  });
}

/** Units counted for a metered item, never below nothing. */
export function usageOf(world: World, part: UsagePart): number {
  const meterId = text(member(fullPrice(world, part.item), "recurring"), "meter");
  const meter = world.objects.get(meterId);
  if (meter === undefined) throw new Error(`Expected the meter ${meterId}, found none.`);
  const { customer, from, to } = part;
  return Math.max(0, aggregate(world, { meter, customer, from, to, lagged: false }).value);
}

/** The line of an invoice item that was waiting. */
export function pendingLine(item: JsonObject): JsonObject {
  return lineOf({
    rated: { quantity: Number(item["quantity"]), amount: Number(item["amount"]), unitAmount: null, note: "" },
    description: maybeText(item, "description"),
    currency: text(item, "currency"),
    period: { start: Number(member(item, "period")["start"]), end: Number(member(item, "period")["end"]) },
    subscription: null,
    price: null,
    metadata: member(item, "metadata"),
    parent: {
      invoice_item_details: {
        invoice_item: text(item, "id"),
        proration: false,
        proration_details: null,
        subscription: null,
      },
      subscription_item_details: null,
      type: "invoice_item_details",
    },
  });
}

/** Puts the lines into the invoice and adds them up. */
export function setLines(invoice: JsonObject, lines: JsonObject[]): void {
  const id = text(invoice, "id");
  for (const line of lines) line["invoice"] = id;
  invoice["lines"] = { object: "list", data: lines, has_more: false, url: `/v1/invoices/${id}/lines` };
  const subtotal = lines.reduce((sum, line) => sum + Number(line["amount"]), 0);
  Object.assign(invoice, {
    subtotal,
    subtotal_excluding_tax: subtotal,
    total: subtotal,
    total_excluding_tax: subtotal,
    amount_due: Math.max(0, subtotal),
    amount_remaining: Math.max(0, subtotal),
  });
}

function fullPrice(world: World, item: JsonObject): JsonObject {
  const id = text(member(item, "price"), "id");
  const price = world.objects.get(id);
  if (price === undefined) throw new Error(`Expected the price ${id}, found none.`);
  return price;
}

function lineOf(line: {
  rated: RatedLine;
  description: string | null;
  currency: string;
  period: Period;
  subscription: string | null;
  price: JsonObject | null;
  parent: JsonObject;
  metadata?: JsonObject;
}): JsonObject {
  const { rated } = line;
  return complete("InvoiceLineItems:InvoiceLineItem", {
    id: newId("il"),
    object: "line_item",
    amount: rated.amount,
    currency: line.currency,
    description: line.description,
    discountable: true,
    livemode: false,
    metadata: line.metadata ?? {},
    parent: line.parent,
    period: line.period,
    pricing:
      line.price === null
        ? null
        : { price_details: line.price, type: "price_details", unit_amount_decimal: rated.unitAmount },
    quantity: rated.quantity,
    quantity_decimal: String(rated.quantity),
    subscription: line.subscription,
    subtotal: rated.amount,
  });
}
