import { apply, having, mergeMetadata } from "./call.ts";
import type { Handler } from "./call.ts";
import { isObject, maybeMember, maybeText, member, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { complete } from "./shape-object.ts";
import { invalid } from "./stripe-error.ts";
import { all, get, newId, save } from "./world.ts";

const modelled = new Set([
  "business_profile",
  "features",
  "metadata",
  "name",
  "active",
  "default_return_url",
  "expand",
]);

/** The customer portal: what it allows, and links into it. */
export const portal: Readonly<Record<string, Handler>> = {
  "BillingPortal/Configurations.create": ({ world, params }) => {
    refuseUnmodelled(params);
    const configuration = complete("BillingPortal/Configurations:Configuration", {
      id: newId("bpc"),
      object: "billing_portal.configuration",
      active: true,
      business_profile: complete("BillingPortal/Configurations:Configuration.BusinessProfile", {
        ...maybeMember(params, "business_profile"),
      }),
      created: world.clock.now(),
      features: featuresOf(member(params, "features"), undefined),
      is_default: all(world, "billing_portal.configuration").length === 0,
      livemode: false,
      login_page: { enabled: false, url: null },
      metadata: {},
      updated: world.clock.now(),
    });
    apply(configuration, params, ["default_return_url", "name"]);
    mergeMetadata(configuration, params["metadata"]);
    return save(world, configuration);
  },
  "BillingPortal/Configurations.retrieve": ({ world, id }) => get(world, "billing_portal.configuration", id),
  "BillingPortal/Configurations.update": ({ world, id, params }) => {
    refuseUnmodelled(params);
    const configuration = get(world, "billing_portal.configuration", id);
    apply(configuration, params, ["active", "default_return_url", "name"]);
    mergeMetadata(configuration, params["metadata"]);
    if (params["business_profile"] !== undefined) {
      apply(member(configuration, "business_profile"), maybeMember(params, "business_profile"), [
        ...["headline", "privacy_policy_url", "terms_of_service_url"],
      ]);
    }
    if (params["features"] !== undefined) {
      configuration["features"] = featuresOf(member(params, "features"), member(configuration, "features"));
    }
    configuration["updated"] = world.clock.now();
    return configuration;
  },
  "BillingPortal/Configurations.list": ({ world, params }) =>
    having(all(world, "billing_portal.configuration"), params, ["active", "is_default"]),
  "BillingPortal/Sessions.create": ({ world, params }) => {
    const odd = Object.keys(params).find(
      (name) => !["customer", "configuration", "return_url", "expand"].includes(name),
    );
    if (odd !== undefined) throw new Error(`The stand-in does not model ${odd} of a portal session.`);
    if (params["customer"] === undefined) {
      throw invalid("Missing required param: customer.", { code: "parameter_missing", param: "customer" });
    }
    const customer = text(get(world, "customer", params["customer"], "customer"), "id");
    const named = params["configuration"];
    const found =
      named === undefined
        ? all(world, "billing_portal.configuration").find((one) => one["is_default"] === true)
        : get(world, "billing_portal.configuration", named, "configuration");
    if (found === undefined) {
      throw invalid(
        "No configuration provided and your test mode default configuration has not been created. Provide a configuration or create your default by saving your customer portal settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal.",
      );
    }
    if (found["active"] !== true) throw invalid("The configuration is inactive.", { param: "configuration" });
    const id = newId("bps");
    return complete("BillingPortal/Sessions:Session", {
      id,
      object: "billing_portal.session",
      configuration: text(found, "id"),
      created: world.clock.now(),
      customer,
      livemode: false,
      return_url: maybeText(params, "return_url") ?? maybeText(found, "default_return_url"),
      url: `https://billing.stripe.com/p/session/test_${id.slice(4)}`,
    });
  },
};

/** What is not named is off. */
function featuresOf(given: JsonObject, kept: JsonObject | undefined): JsonObject {
  const feature = (name: string, off: JsonObject): JsonObject => {
    const before = kept === undefined ? off : member(kept, name);
    const asked = given[name];
    return isObject(asked) ? { ...before, ...asked } : before;
  };
  const cancel = feature("subscription_cancel", {
    cancellation_reason: { enabled: false, feedback_options: null, options: [] },
    enabled: false,
    mode: "at_period_end",
    proration_behavior: "none",
  });
  return {
    customer_update: feature("customer_update", { allowed_updates: [], enabled: false }),
    invoice_history: feature("invoice_history", { enabled: false }),
    payment_method_update: feature("payment_method_update", {
      enabled: false,
      payment_method_configuration: null,
    }),
    subscription_cancel: cancel,
    subscription_pause: { duration: { interval_options: [], type: "indefinite" }, enabled: false },
    subscription_update: feature(
      "subscription_update",
      complete("BillingPortal/Configurations:Configuration.Features.SubscriptionUpdate", {
        billing_cycle_anchor: null,
        default_allowed_updates: [],
        enabled: false,
        proration_behavior: "none",
        schedule_at_period_end: { conditions: [] },
        trial_update_behavior: "end_trial",
      }),
    ),
  };
}

function refuseUnmodelled(params: JsonObject): void {
  const odd = [
    ...Object.keys(params).filter((name) => !modelled.has(name)),
    ...Object.keys(maybeMember(params, "features")).filter((name) => name === "subscription_pause"),
  ][0];
  if (odd !== undefined) throw new Error(`The stand-in does not model a portal's ${odd}.`);
}
