import type { Config } from "../config.ts";
import type { BillingTerms } from "./charge-leg.ts";

/** Under which terms tasks are charged; where nobody is billed every charge is kept, at cost. */
export const billingTermsOf = ({ billing }: Pick<Config, "billing">): BillingTerms => ({
  billing: billing === null ? "off" : "on",
  ownModelKey: false,
});
