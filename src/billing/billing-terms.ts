import type { BillingTerms } from "./charge-leg.ts";

/** Under which terms tasks are charged: nobody is billed, as this release reads no key of Stripe's; every charge is kept, at cost. */
export const billingTerms: BillingTerms = { billing: "off", ownModelKey: false };
