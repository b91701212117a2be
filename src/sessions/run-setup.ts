import { createHash } from "node:crypto";
import type { Redactor } from "../github/redact.ts";
import type { RepoSettings } from "../github/repo-settings-schema.ts";
import { runCommands, type CommandEnd, type RunCommandsInput } from "./run-commands.ts";

/** How the commands went; plain data, kept with the machine that they ran in. Of a failed one: those after it did not run. */
export type SetupRun = { ok: true; durationMs: number } | ({ ok: false } & CommandEnd);

type SetupInput = Omit<RunCommandsInput, "commands" | "timeoutMs" | "onEnd"> & {
  settings: Pick<RepoSettings, "setup" | "setupTimeoutMs">;
};

/** Marks the commands that a machine has been set up with: another list has another key. */
export function setupKey({ setup }: Pick<RepoSettings, "setup">): string {
  return createHash("sha256").update(JSON.stringify(setup)).digest("hex");
}

/** Runs the repository's setup. A command that fails ends it and is a value; rejects only when the sandbox fails. */
export async function runSetup(
  deps: { redact: Redactor },
  { settings, ...input }: SetupInput,
): Promise<SetupRun> {
  const ends: CommandEnd[] = [];
  const ok = await runCommands(deps, {
    ...input,
    commands: settings.setup,
    timeoutMs: settings.setupTimeoutMs,
    onEnd: (end) => ends.push(end),
  });
  const durationMs = ends.reduce((sum, end) => sum + end.durationMs, 0);
  const last = ends.at(-1);
  return ok || last === undefined ? { ok: true, durationMs } : { ...last, ok: false, durationMs };
}
