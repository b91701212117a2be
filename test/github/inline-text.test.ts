import fc from "fast-check";
import type { Nodes } from "mdast";
import { expect, test } from "vitest";
import { oneLine, toInlineCode, toInlineText } from "../../src/github/inline-text.ts";
import { parseMarkdown } from "../../src/github/parse-markdown.ts";

test.each([
  ["Fix the *login* test", "Fix the \\*login\\* test"],
  ["Run `npm test` for @bob", "Run `npm test` for `@bob`"],
  ["fixes #1", "fixes `#1`"],
  ["see #1", "see \\#1"],
  ["a | b", "a &#124; b"],
  ["a `b|c` d", "a `b¦c` d"],
  ["<b>x</b> ![a](b) [c](d)", "\\<b\\>x\\</b\\> !\\[a\\](b) \\[c\\](d)"],
  ["1. one", "1\\. one"],
  ["- one", "\\- one"],
  ["two\nlines\u200B", "two lines"],
  ["a ` b", "a \\` b"],
  ["&amp; &#64;bob", "&amp;amp; &amp;\\#64;bob"],
])("%j", (text, inline) => {
  expect(toInlineText(text)).toBe(inline);
});

test("code cannot be left", () => {
  expect([toInlineCode("a`b"), toInlineCode("``"), toInlineCode("x|y"), toInlineCode("")]).toEqual([
    "`` a`b ``",
    "``` `` ```",
    "`x¦y`",
    "`  `",
  ]);
});

test("cut between characters", () => {
  expect(oneLine("😀😀😀😀", 3)).toBe("😀😀…");
  expect(oneLine("abc", 3)).toBe("abc");
  expect(toInlineText("x".repeat(1_000), 10)).toBe("xxxxxxxxx…");
});

const word = fc.constantFrom(
  "@bob",
  "#1",
  "fixes",
  "`",
  "``",
  "*",
  "_",
  "[a](https://evil.test)",
  "![a](b)",
  "<b>",
  "<!--",
  "-->",
  "|",
  "\\",
  "&lt;",
  "https://evil.test",
  "~~",
  "\n",
  "- ",
  "# ",
  "> ",
  "1. ",
  "/claude",
  "$",
  "a",
);
const soup = fc
  .array(fc.oneof(word, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 20 })
  .map((parts) => parts.join(" "));

test("any text is one line of words and code, alone, in bold, in a list and in a table", () => {
  fc.assert(
    fc.property(soup, fc.constantFrom(toInlineText, toInlineCode), (text, render) => {
      const inline = render(text);
      expect(inline).not.toMatch(/[\r\n|]/);
      for (const place of [
        `x ${inline} y`,
        `**x${inline}x**`,
        `- [ ] ${inline}`,
        `| a | b |\n|-|-|\n| ${inline} | end |`,
      ]) {
        const tree = parseMarkdown(place);
        expect(tree === null ? [] : typesIn(tree).filter((type) => !harmless.has(type))).toEqual([]);
      }
      const table = parseMarkdown(`| a | b |\n|-|-|\n| ${inline} | end |`)?.children[0];
      if (table?.type === "table") expect(table.children[1]?.children.length).toBe(2);
    }),
    { numRuns: 500 },
  );
});

const harmless = new Set([
  "root",
  "paragraph",
  "text",
  "inlineCode",
  "strong",
  "list",
  "listItem",
  "table",
  "tableRow",
  "tableCell",
]);

function typesIn(node: Nodes): string[] {
  return [node.type, ...("children" in node ? node.children.flatMap(typesIn) : [])];
}
