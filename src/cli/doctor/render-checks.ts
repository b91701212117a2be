import { formatPlural } from "../../github/amounts.ts";
import { toTerminalBlock } from "../terminal-text.ts";
import type { Check, CheckStatus } from "./check.ts";

const marks: Readonly<Record<CheckStatus, string>> = { ok: "ok", warn: "warn", fail: "FAIL", skipped: "-" };

/** The checks for a person: one line each, what to do under those that are not well, and the sum of it. */
export function renderChecks(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const indent = " ".repeat(width + 8);
  const lines = checks.map(({ title, status, detail, remedy }) => {
    const text = toTerminalBlock(detail, indent).trimStart();
    const line = `${marks[status].padEnd(4)}  ${title.padEnd(width)}  ${text}`;
    return remedy === null ? line : `${line}\n${toTerminalBlock(`→ ${remedy}`, indent)}`;
  });
  const failed = checks.filter(({ status }) => status === "fail").length;
  const warned = checks.filter(({ status }) => status === "warn").length;
  const sum =
    failed === 0 && warned === 0
      ? "All is well."
      : failed === 0
        ? `It works; ${formatPlural(warned, "warning")}.`
        : `${formatPlural(failed, "thing")} to mend, ${formatPlural(warned, "warning")}.`;
  return `${lines.join("\n")}\n\n${sum}\n`;
}
