import { userInfo } from "node:os";
import { serverChain } from "../../db/audit-chain.ts";
import { recordAudit } from "../../db/audit.ts";
import type { Db } from "../../db/client.ts";
import type { AuditData } from "../../db/schema.ts";

/** Notes a command of the operator before it is carried out, under the name that the operating system has for whoever runs it. */
export async function recordOperator(
  system: Db,
  input: { accountId: string | null; command: string; data: AuditData },
): Promise<void> {
  await recordAudit(system, {
    ...{ accountId: input.accountId ?? serverChain, act: "operator-acted", actor: `operator:${whoRuns()}` },
    data: { command: input.command, ...input.data },
  });
}

function whoRuns(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return String(process.getuid?.() ?? "unknown");
  }
}
