/**
 * What a terminal would obey instead of show: controls (a cursor move, a title, an answer typed for the person), format
 * characters (text that runs backwards, tags and the unassigned places among them), lone halves. Joiners inside emoji and scripts stay.
 */
const unsafe = /(?![\u200C\u200D])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029\u{E0000}-\u{E0FFF}]/gu;

/** Foreign text on one line of a terminal, with whatever is invisible made visible. */
export function toTerminalLine(text: string): string {
  return text
    .replaceAll(/\s*\r?\n\s*/g, " ⏎ ")
    .replaceAll("\t", " ")
    .replaceAll(unsafe, show)
    .trim();
}

/** Foreign text over several lines, each behind `indent`. */
export function toTerminalBlock(text: string, indent = ""): string {
  return text
    .replaceAll(/\r\n/g, "\n")
    .split("\n")
    .map((line) => `${indent}${line.replaceAll("\t", "    ").replaceAll(unsafe, show)}`.trimEnd())
    .join("\n");
}

/** JSON in which nothing but visible characters stands; it reads back as the same value. */
export function toTerminalJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(unsafe, (character) =>
    character === "\n" ? character : [...units(character)].map((unit) => `\\u${hex(unit, 4)}`).join(""),
  );
}

function show(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  // Unicode's pictures of the controls.
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `<U+${hex(code, 4).toUpperCase()}>`;
}

function* units(character: string): Iterable<number> {
  for (let index = 0; index < character.length; index++) yield character.charCodeAt(index);
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, "0");
