import type { Deps } from "../deps.ts";
import { formatPlural } from "../github/amounts.ts";
import { toInlineCode, type PublicMarkdown } from "../github/inline-text.ts";
import { noNotices } from "../github/status-comment.ts";
import { renderPatch } from "../github/status-details.ts";
import type { Published } from "./publish.ts";

const maxShown = 20;

/** The question whether the protected files of a turn may be pushed as well; null: it changed none. */
export function askAboutHeld(deps: Pick<Deps, "redact">, published: Published): PublicMarkdown | null {
  if (published.kind === "unchanged") return null;
  const { leftOut, leftOutPatch } = published.commit;
  const held = leftOut.filter(({ reason }) => reason === "held");
  if (held.length === 0) return null;
  const shown = held.slice(0, maxShown).map(({ path }) => `- ${toInlineCode(path)}`);
  if (held.length > maxShown) shown.push(`- and ${formatPlural(held.length - maxShown, "more file")}`);
  const patch = leftOutPatch === null ? null : deps.redact(leftOutPatch);
  return [
    `${held.length === 1 ? "One changed file is" : `${held.length} changed files are`} protected and ${held.length === 1 ? "was" : "were"} not pushed:`,
    shown.join("\n"),
    renderPatch({ ...noNotices, leftOutPatch: patch }),
  ]
    .filter((part) => part !== "")
    .join("\n\n") as PublicMarkdown;
}
