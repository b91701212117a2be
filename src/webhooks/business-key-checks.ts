import { z } from "zod";
import type { DeliveryRequest } from "./business-key.ts";
import type { Body } from "./delivery-kind.ts";

const suiteCompleted = z.object({
  action: z.literal("completed"),
  check_suite: z.object({
    id: z.int(),
    head_sha: z.string(),
    head_branch: z.string().nullable(),
    updated_at: z.iso.datetime({ offset: true }).nullish(),
  }),
});
const statusSet = z.object({
  id: z.int(),
  state: z.string(),
  branches: z.array(z.object({ name: z.string() })),
});

/** What the end of a check asks: only those of our branches concern us. */
export function readCheckResult(kind: "check_suite" | "status", body: Body): DeliveryRequest | null {
  return kind === "check_suite" ? readSuite(suiteCompleted.parse(body)) : readStatus(statusSet.parse(body));
}

const isOurs = (branch: string | null): boolean => branch?.startsWith("claude/") === true;

/** The time is in the key, because a suite that is run again completes again. */
function readSuite({ check_suite: suite }: z.infer<typeof suiteCompleted>): DeliveryRequest | null {
  if (!isOurs(suite.head_branch)) return null;
  return { businessKey: `suite:${suite.id}:${suite.head_sha}:${suite.updated_at ?? ""}`, at: null };
}

function readStatus({ id, state, branches }: z.infer<typeof statusSet>): DeliveryRequest | null {
  if (state === "pending" || !branches.some(({ name }) => isOurs(name))) return null;
  return { businessKey: `status:${id}`, at: null };
}
