import { clipToWidth, displayWidth } from "./display-width.ts";
import { toTerminalLine } from "./terminal-text.ts";

const gap = "  ";
/** Below this the last column would say nothing. */
const minLastWidth = 12;

/**
 * Rows under a heading, in columns as wide as their content; the last column is cut to what `columns` (the terminal's
 * width; null: unlimited) leaves. Cells may be foreign text.
 */
export function renderTable(input: {
  heading: readonly string[];
  rows: readonly (readonly string[])[];
  columns: number | null;
}): string {
  const all = [input.heading, ...input.rows.map((row) => row.map(toTerminalLine))];
  const widths = input.heading.map((_, index) =>
    Math.max(...all.map((row) => displayWidth(row[index] ?? ""))),
  );
  const last = widths.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + gap.length, 0);
  const lastWidth = input.columns === null ? Infinity : Math.max(minLastWidth, input.columns - before);
  const lines = all.map((row) =>
    row
      .map((cell, index) => (index === last ? clipToWidth(cell, lastWidth) : pad(cell, widths[index] ?? 0)))
      .join(gap)
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - displayWidth(cell)));
}
