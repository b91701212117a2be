import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toTerminalBlock, toTerminalJson, toTerminalLine } from "../../src/cli/terminal-text.ts";

const esc = "\u001b";
/** Whatever a terminal takes for more than a character, newlines apart. */
const obeyed = /[\p{Cc}\u202A-\u202E\u2066-\u2069\u{E0000}-\u{E007F}]/u;

describe("toTerminalLine", () => {
  test.each([
    ["a colour", `${esc}[31mred`, "␛[31mred"],
    ["a title", `${esc}]0;owned\u0007`, "␛]0;owned␇"],
    ["a C1 control", "\u009b31m", "<U+009B>31m"],
    ["a carriage return that hides what came before", "bad\rgood", "bad␍good"],
    ["a backspace", "ab\b\bcd", "ab␈␈cd"],
    ["a delete", "\u007f", "␡"],
    ["text that runs backwards", "\u202Etxt.exe", "<U+202E>txt.exe"],
    ["a tag character", "a\u{E0041}b", "a<U+E0041>b"],
    ["a zero width space", "a\u200Bb", "a<U+200B>b"],
    ["half a pair", "a\uD800b", "a<U+D800>b"],
    ["several lines", " one\r\n  two\n\nthree\n", "one ⏎ two ⏎ three ⏎"],
    ["a tab", "a\tb", "a b"],
    ["emoji and other scripts", "👩‍💻 日本語 می‌خواهم ü", "👩‍💻 日本語 می‌خواهم ü"],
  ])("shows %s", (_, text, shown) => {
    expect(toTerminalLine(text)).toBe(shown);
  });

  test("never lets through what a terminal obeys", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => !obeyed.test(toTerminalLine(text))),
      { numRuns: 500, examples: [["\u{E0002}"]] },
    );
  });
});

describe("toTerminalBlock", () => {
  test("keeps lines and indents them", () => {
    expect(toTerminalBlock(`a\r\n\tb\n\n${esc}c`, "> ")).toBe("> a\n>     b\n>\n> ␛c");
  });
});

describe("toTerminalJson", () => {
  test("is visible throughout and reads back as the same value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const json = toTerminalJson({ [text]: text });
        expect(json.replaceAll("\n", "")).not.toMatch(obeyed);
        // JSON itself cannot tell __proto__ from other keys when it reads.
        if (text !== "__proto__") expect(JSON.parse(json)).toEqual({ [text]: text });
      }),
      { numRuns: 500, examples: [["\u{E0002}"]] },
    );
  });
});
