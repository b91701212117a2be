import fc from "fast-check";
import { expect, test } from "vitest";
import { stripInvisible } from "../../src/github/strip-invisible.ts";

test.each(["👩‍💻", "❤️", "1️⃣", "👩🏽‍🚀", "🇩🇪", "می‌خواهم", "क्‍ष", "한국어", "e\u0301", "a\tb\r\nc"])(
  "%s stays",
  (text) => {
    expect(stripInvisible(text)).toEqual({ text, removed: 0 });
  },
);

test.each([
  ["a\u200D\u200Cb", "ab", 1],
  ["x\uFE0F", "x", 1],
  ["❤\uFE0F\uFE0F\uFE01", "❤\uFE0F", 1],
  ["👩\u200D\u200D💻", "👩💻", 1],
  ["🏴\u{E0067}\u{E0062}\u{E007F}", "🏴", 1],
  ["می\u200C\u3164خ", "میخ", 1],
  ["\u200Ba\u200Bb\u200B", "ab", 3],
])("%j", (text, clean, removed) => {
  expect(stripInvisible(text)).toEqual({ text: clean, removed });
});

test("what is stripped once has nothing left to strip", () => {
  const part = fc.constantFrom(
    "\u200D",
    "\u200C",
    "\uFE0F",
    "👩",
    "💻",
    "🏽",
    "ی",
    "ک",
    "क",
    "्",
    "\u3164",
    "\u17B4",
    "\u{E0041}",
    "\u180B",
    "a",
    "1",
    "\uD83D",
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(part, fc.string({ unit: "binary", maxLength: 3 })), { maxLength: 15 }),
      (parts) => {
        const { text } = stripInvisible(parts.join(""));
        expect(stripInvisible(text)).toEqual({ text, removed: 0 });
        expect(text.isWellFormed()).toBe(true);
      },
    ),
    { numRuns: 1_500 },
  );
});
