import { z } from "zod";
import { withAccount } from "../../db/client.ts";
import { findAccountOfInstallation } from "../tasks/tenant-store.ts";
import { findSessionOfBranch } from "./pull-store.ts";
import type { TriggerDeps } from "./trigger.ts";

const from = { repository: z.object({ id: z.int() }), installation: z.object({ id: z.int() }) };
const suite = z.object({ head_branch: z.string().nullish(), app: z.object({ id: z.int() }).nullish() });
const suiteCompleted = z.object({ ...from, check_suite: suite });
const runCompleted = z.object({ ...from, check_run: z.object({ check_suite: suite.nullish() }) });
const statusSet = z.object({
  ...from,
  state: z.string(),
  branches: z.array(z.object({ name: z.string() })),
});
const checksEvent = z.union([suiteCompleted, runCompleted, statusSet]);

/**
 * A check or commit status has ended: if it may be one of a pull request of ours, its session's checks are looked at, by a job. What
 * the event says is only the occasion; everything is read from GitHub then.
 */
export async function onChecksCompleted(
  deps: TriggerDeps,
  deliveryId: string,
  payload: unknown,
): Promise<string> {
  const event = checksEvent.parse(payload);
  const { branches, appId } = readOccasion(event);
  if (appId === deps.config.app.id) return "ourselves";
  const accountId = await findAccountOfInstallation(deps.system, event.installation.id);
  if (accountId === null) return "unknown-installation";
  let looks = 0;
  for (const branch of branches) {
    if (!branch.startsWith("claude/")) continue;
    const session = await findSessionOfBranch(deps, {
      ...{ accountId, repositoryId: event.repository.id, branch },
    });
    if (session?.writes !== "own-branch") continue;
    const look = { accountId, sessionId: session.id, deliveryId, round: 0 };
    // The key makes twenty that end at once into one look that runs, and one that comes after it.
    await withAccount(deps.db, accountId, (tx) =>
      deps.queue.enqueue(tx, "checks", look, { key: session.id }),
    );
    looks++;
  }
  return looks === 0 ? "not-ours" : "will-look";
}

function readOccasion(event: z.infer<typeof checksEvent>): { branches: string[]; appId: number | null } {
  if ("branches" in event)
    return {
      branches: event.state === "pending" ? [] : event.branches.map(({ name }) => name),
      appId: null,
    };
  const suite = "check_suite" in event ? event.check_suite : event.check_run.check_suite;
  const branch = suite?.head_branch ?? null;
  return { branches: branch === null ? [] : [branch], appId: suite?.app?.id ?? null };
}
