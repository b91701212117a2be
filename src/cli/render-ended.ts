import type { EndedMachines } from "../sessions/end-machines.ts";
import { toTerminalLine } from "./terminal-text.ts";
import { renderTable } from "./render-table.ts";

const words = { ended: "ended", gone: "there was none", pending: "to be confirmed" } as const;

/** What became of machines that were to be ended, for a person. */
export function renderEnded({ machines, unlisted }: EndedMachines, columns: number | null): string {
  const table =
    machines.length === 0
      ? "There was no sandbox to end.\n"
      : renderTable({
          heading: ["SANDBOX", "RESULT", ""],
          rows: machines.map(({ provider, id, result, error }) => [
            `${provider}/${id}`,
            words[result],
            error?.message ?? "",
          ]),
          columns,
        });
  const pending = machines.some(({ result }) => result === "pending");
  return [
    table,
    pending ? "The workers ask again every five minutes until it is confirmed.\n" : "",
    ...unlisted.map(
      ({ provider, error }) =>
        `${toTerminalLine(`${provider} did not answer, so that it may have more: ${error.message}`)}\n`,
    ),
  ].join("");
}

/** The same as the JSON contract has it. */
export function endedJson({ machines, unlisted }: EndedMachines) {
  return {
    sandboxes: machines.map(({ provider, id, result, error }) => ({
      provider,
      id,
      result,
      error: error?.message ?? null,
    })),
    unlisted: unlisted.map(({ provider, error }) => ({ provider, error: error.message })),
  };
}
