import type { Root } from "mdast";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import { unified } from "unified";
import { isIntricate } from "./markdown-effort.ts";

const full = unified().use(remarkParse).use(remarkGfm).freeze();

/** Only what decides whether a line is shown as plain text: containers, code and HTML. */
const outline = unified()
  .use(remarkParse)
  .data("micromarkExtensions", [
    {
      disable: {
        null: [
          "attention",
          "autolink",
          "characterEscape",
          "characterReference",
          "definition",
          "hardBreakEscape",
          "labelEnd",
          "labelStartImage",
          "labelStartLink",
        ],
      },
    },
  ])
  .freeze();

/**
 * The tree of a GitHub comment, with offsets into `text`; null when the text is so intricate that parsing it
 * would take time out of proportion.
 * `outline` leaves links, emphasis and definitions as text and is some three times faster.
 */
export function parseMarkdown(text: string, mode: "full" | "outline" = "full"): Root | null {
  if (isIntricate(text, { inline: mode === "full" })) return null;
  // The parser swallows a byte order mark and counts offsets from behind it.
  const source = text.startsWith("\uFEFF") ? ` ${text.slice(1)}` : text;
  return mode === "full" ? full.parse(source) : outline.parse(source);
}
