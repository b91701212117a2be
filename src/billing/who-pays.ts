/** How a leg ended, as far as money goes; src/tasks/outcome.ts has the kinds. */
export type LegEnd =
  | {
      kind:
        | "published"
        | "no-changes"
        | "rebased"
        | "up-to-date"
        | "reviewed"
        | "undone"
        | "answered"
        | "left-out"
        /** It waits for a person. */
        | "waiting"
        | "cancelled"
        | "timeout"
        | "budget";
    }
  | { kind: "error"; code: string; fault: "platform" | "operator" | "model" | "user" };

export type ChargeReason =
  | "done"
  | "cancelled"
  | "cap-reached"
  | "repository-fault"
  | "platform-fault"
  | "provider-fault"
  | "goodwill";

export type WhoPays = {
  charged: boolean;
  reason: ChargeReason;
  /** For the receipt, without a full stop; null where there is nothing to explain. */
  sentence: string | null;
};

/** The failure policy, a line a class. */
export const chargePolicy: Readonly<Record<ChargeReason, WhoPays>> = {
  done: { charged: true, reason: "done", sentence: null },
  cancelled: { charged: true, reason: "cancelled", sentence: "what was used until it was stopped" },
  "cap-reached": { charged: true, reason: "cap-reached", sentence: "what was used until its limit" },
  "repository-fault": {
    charged: true,
    reason: "repository-fault",
    sentence: "the cause was in the repository or the command",
  },
  "platform-fault": { charged: false, reason: "platform-fault", sentence: "the failure was ours" },
  "provider-fault": {
    charged: false,
    reason: "provider-fault",
    sentence: "the model's provider failed",
  },
  goodwill: { charged: false, reason: "goodwill", sentence: "it is not clear whose fault it was" },
};

/** Errors that are limits which the command or the settings set. */
const limits: ReadonlySet<string> = new Set(["max-turns"]);
/** Errors of which nobody can say whether we or the repository caused them; looked into by the operator. */
const unclear: ReadonlySet<string> = new Set(["agent-crashed"]);

/** Who pays for a leg that ended so. The class of an error decides, never its text. */
export function whoPays(end: LegEnd): WhoPays {
  switch (end.kind) {
    case "published":
    case "no-changes":
    case "rebased":
    case "up-to-date":
    case "reviewed":
    case "undone":
    case "answered":
    case "left-out":
    case "waiting":
      return chargePolicy.done;
    case "cancelled":
      return chargePolicy.cancelled;
    case "timeout":
    case "budget":
      return chargePolicy["cap-reached"];
    case "error":
      return ofError(end);
    default:
      end satisfies never;
      return chargePolicy.goodwill;
  }
}

function ofError({ code, fault }: Extract<LegEnd, { kind: "error" }>): WhoPays {
  if (unclear.has(code)) return chargePolicy.goodwill;
  switch (fault) {
    case "platform":
    case "operator":
      return chargePolicy["platform-fault"];
    case "model":
      return chargePolicy["provider-fault"];
    case "user":
      return chargePolicy[limits.has(code) ? "cap-reached" : "repository-fault"];
    default:
      fault satisfies never;
      return chargePolicy.goodwill;
  }
}
