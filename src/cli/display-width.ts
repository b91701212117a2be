const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Emoji, and the East Asian scripts that terminals draw over two cells. Source: Unicode Standard Annex 11. */
const wide =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}])|\uFE0F/u;
const zero = /^\p{M}+$/u;

/** How many cells of a terminal a text takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += cellsOf(segment);
  return width;
}

/** The text on at most `max` cells, with "…" where something was cut. */
export function clipToWidth(text: string, max: number): string {
  if (displayWidth(text) <= max) return text;
  let width = 0;
  let clipped = "";
  for (const { segment } of graphemes.segment(text)) {
    width += cellsOf(segment);
    if (width > max - 1) break;
    clipped += segment;
  }
  return `${clipped.trimEnd()}…`;
}

function cellsOf(grapheme: string): number {
  if (zero.test(grapheme)) return 0;
  return wide.test(grapheme) ? 2 : 1;
}
