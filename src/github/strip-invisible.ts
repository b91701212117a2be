/**
 * What is drawn as nothing: controls except tab and line ends, format characters (bidi controls, zero width,
 * tags), private use, unassigned, half surrogates, ignorable letters and marks, the blank Braille cell.
 */
const invisible =
  "(?!\\p{Extended_Pictographic})[\\p{Cf}\\p{Co}\\p{Cn}\\p{Cs}\\p{Default_Ignorable_Code_Point}\\u0000-\\u0008\\u000B\\u000C\\u000E-\\u001F\\u007F-\\u009F\\u2028\\u2029\\u2800]";

/** Scripts that are spelt with joiners. Source: Unicode 16, chapter 23.2, and the scripts' own chapters. */
const joined =
  "Arabic Syriac Mongolian Devanagari Bengali Gujarati Gurmukhi Kannada Malayalam Oriya Sinhala Tamil Telugu Khmer Myanmar"
    .split(" ")
    .map((script) => `\\p{Script=${script}}`)
    .join("");

/** What shapes its neighbours: joiners inside emoji (👩‍💻), the emoji selector (❤️), joiners within such scripts. */
const shaping = [
  "(?<=\\p{Extended_Pictographic}\\uFE0F?|\\p{Emoji_Modifier})\\u200D(?=\\p{Extended_Pictographic})",
  "(?<=[\\p{Extended_Pictographic}0-9#*])\\uFE0F",
  `(?<=(?!\\p{Default_Ignorable_Code_Point})[${joined}])[\\u200C\\u200D](?=(?!\\p{Default_Ignorable_Code_Point})\\p{L})`,
].join("|");

const either = new RegExp(`(${shaping})|${invisible}`, "gu");
const anyInvisible = new RegExp(invisible, "u");

/** Removes every character that nobody sees, keeps those that shape their neighbours; `removed` counts runs of them. */
export function stripInvisible(text: string): { text: string; removed: number } {
  if (!anyInvisible.test(text)) return { text, removed: 0 };
  let removed = 0;
  let lastEnd = -1;
  const clean = text.replaceAll(either, (character: string, kept: string | undefined, offset: number) => {
    if (kept !== undefined) return kept;
    if (offset !== lastEnd) removed++;
    lastEnd = offset + character.length;
    return "";
  });
  return { text: clean, removed };
}
