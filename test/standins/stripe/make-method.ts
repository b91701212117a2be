import type { JsonObject } from "./json.ts";
import { complete } from "./shape-object.ts";
import { newId } from "./world.ts";
import type { World } from "./world.ts";

/** A card of a customer's. */
export function makeMethod(
  world: World,
  { customer, last4 }: { customer: string; last4: string },
): JsonObject {
  return complete("PaymentMethods:PaymentMethod", {
    id: newId("pm"),
    object: "payment_method",
    allow_redisplay: "unspecified",
    billing_details: complete("PaymentMethods:PaymentMethod.BillingDetails", {}),
    card: complete("PaymentMethods:PaymentMethod.Card", {
      brand: "visa",
      exp_month: 12,
      exp_year: 2040,
      funding: "credit",
      last4,
    }),
    created: world.clock.now(),
    customer,
    livemode: false,
    metadata: {},
    type: "card",
  });
}
