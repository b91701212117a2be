import type { Db } from "../../db/client.ts";
import { UserError } from "../errors.ts";
import { formatPlural } from "../github/amounts.ts";
import type { SandboxFleet, SandboxRef } from "../sandbox/fleet.ts";
import { openFleet } from "../sandbox/open-fleet.ts";
import { endMachines } from "../sessions/end-machines.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { createCliLogger } from "./cli-logger.ts";
import { gatherSandboxes } from "./gather-sandboxes.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { recordOperator } from "./record-operator.ts";
import { endedJson, renderEnded } from "./render-ended.ts";
import { countBusyTasks } from "./sandbox-list-store.ts";

/** The words under which an operator's kill is recorded. */
export const operatorReason = "ended by the operator";

/**
 * `remote-claude sandbox kill`: ends one machine, or every one of ours. The sessions stay and go on from their checkpoints. Exit
 * code 1 while something is to be confirmed.
 */
export async function killSandboxes(
  io: CliIo,
  input: { ref: string | undefined; all: boolean; yes: boolean; json: boolean },
): Promise<void> {
  const ref = readTarget(input);
  const done = await withCliDatabase(io, async ({ system }, config) => {
    const log = createCliLogger(io);
    const fleet = await openFleet(config, log);
    if (ref === "all" && !input.yes) await confirm(io, { system, fleet });
    if (ref !== "all") checkProvider(fleet, ref);
    const scope = ref === "all" ? ref : { ref };
    await recordOperator(system, {
      ...{ accountId: null, command: "sandbox kill" },
      data: { sandbox: ref === "all" ? "all" : `${ref.provider}/${ref.id}` },
    });
    const ended = await endMachines({ system, sandboxes: fleet, log }, { scope, reason: operatorReason });
    return { ended, busyTasks: await countBusyTasks(system) };
  });
  const { ended, busyTasks } = done;
  if (ended.unlisted.length > 0 || ended.machines.some(({ result }) => result === "pending"))
    io.setExitCode(1);
  if (input.json) {
    writeJson(io, { ...endedJson(ended), busyTasks });
    return;
  }
  io.write(renderEnded(ended, io.columns));
  if (ref === "all" && busyTasks > 0)
    io.write(
      `${formatPlural(busyTasks, "task")} at work will open new sandboxes; session kill ends a session with its tasks.\n`,
    );
}

function readTarget({ ref, all }: { ref: string | undefined; all: boolean }): SandboxRef | "all" {
  if (all && ref === undefined) return "all";
  const [, provider, id] = /^([^/]+)\/(.+)$/.exec(ref ?? "") ?? [];
  if (!all && provider !== undefined && id !== undefined) return { provider, id };
  throw new UserError(
    "sandbox-invalid",
    all
      ? `Expected either a sandbox or --all, got both ${JSON.stringify(ref)} and --all.`
      : `Expected a sandbox as provider/id, got ${ref === undefined ? "none" : JSON.stringify(ref)}.`,
    "remote-claude sandbox list shows them; --all means every one.",
  );
}

function checkProvider(fleet: SandboxFleet, { provider }: SandboxRef): void {
  if (fleet.providers.includes(provider)) return;
  throw new UserError(
    "sandbox-provider-unknown",
    `Expected one of the configured providers ${fleet.providers.join(", ")}, got ${JSON.stringify(provider)}.`,
    "Add it to SANDBOX_PROVIDER with its key, or end the sandbox in the provider's own console.",
  );
}

async function confirm(io: CliIo, { system, fleet }: { system: Db; fleet: SandboxFleet }): Promise<void> {
  const { sandboxes } = await gatherSandboxes({ system, sandboxes: fleet }, { all: false, limit: 100_000 });
  const what = `${formatPlural(sandboxes.length, "machine")} at ${fleet.providers.join(", ")}`;
  const answer = await io.ask?.(`This ends ${what}. What an agent has not handed in is lost. Type yes: `);
  if (answer?.trim().toLowerCase() === "yes") return;
  throw new UserError(
    "confirmation-missing",
    `Nothing was done: this would end ${what}, and what an agent has not handed in would be lost.`,
    "Type yes when asked, or add --yes.",
  );
}
