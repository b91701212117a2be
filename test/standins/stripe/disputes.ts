import type { Handler } from "./call.ts";
import { emit } from "./emit.ts";
import { text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { complete } from "./shape-object.ts";
import { get, newId, save } from "./world.ts";
import type { World } from "./world.ts";

/** Payments and what banks dispute of them; only a test makes either. */
export const disputes: Readonly<Record<string, Handler>> = {
  "Charges.retrieve": ({ world, id }) => get(world, "charge", id),
  "Disputes.retrieve": ({ world, id }) => get(world, "dispute", id),
};

/** The bank of a customer takes a payment of 20.00 into question. */
export function openDispute(world: World, customer: string): JsonObject {
  const common = {
    amount: 2_000,
    created: world.clock.now(),
    currency: "usd",
    livemode: false,
    metadata: {},
  };
  const charge = complete("Charges:Charge", {
    ...{ ...common, id: newId("ch"), object: "charge" },
    ...{ amount_captured: 2_000, amount_refunded: 0, captured: true, disputed: true, paid: true },
    ...{ customer: text(get(world, "customer", customer), "id"), refunded: false, status: "succeeded" },
    billing_details: complete("Charges:Charge.BillingDetails", {}),
  });
  save(world, charge);
  const dispute = complete("Disputes:Dispute", {
    ...{ ...common, id: newId("dp"), object: "dispute", charge: text(charge, "id") },
    ...{ is_charge_refundable: false, reason: "fraudulent", status: "needs_response" },
    evidence: complete("Disputes:Dispute.Evidence", {
      enhanced_evidence: complete("Disputes:Dispute.Evidence.EnhancedEvidence", {}),
    }),
    evidence_details: complete("Disputes:Dispute.EvidenceDetails", {
      ...{ has_evidence: false, past_due: false, submission_count: 0, submission_method: "not_submitted" },
      enhanced_eligibility: complete("Disputes:Dispute.EvidenceDetails.EnhancedEligibility", {}),
    }),
  });
  save(world, dispute);
  emit(world, "charge.dispute.created", dispute);
  return dispute;
}

/** The bank has decided. */
export function closeDispute(world: World, id: string, status: string): void {
  const dispute = get(world, "dispute", id);
  dispute["status"] = status;
  emit(world, "charge.dispute.closed", dispute);
}
