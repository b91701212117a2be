import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseMarkdown } from "../../src/github/parse-markdown.ts";
import { toVisibleText } from "../../src/tasks/visible-text.ts";

describe("what nobody sees goes", () => {
  const rows: [markdown: string, text: string, removed: number][] = [
    ["a <!-- hidden --> b", "a  b", 1],
    ["<!-- never closed\nfoo\n\nbar", "", 1],
    ["<!<!-- x -->-- hidden -->", "", 2],
    ["<!-->visible -->", "visible -->", 1],
    ["> <!-- a\n> b -->\n> c", "> \n> c", 1],
    ["[//]: # (hidden)\n\ntext", "\ntext", 1],
    ["[//]: # 'hidden'\n[x]: <> (hidden too)\ntext", "text", 2],
    ['[a](http://x.y "hidden")', "[a](<http://x.y>)", 1],
    ["[a](<hidden words>)", "a", 1],
    ["[](http://x.y/hidden)", "", 1],
    ["[a][ref]\n\n[ref]: http://x.y 'hidden'", "[a](<http://x.y>)\n\n", 1],
    ["![a long sentence in the place of the alternative text of an image](x)", "[image]", 1],
    ["![Screenshot](x)", "[image]", 0],
    ['![x](y "hidden")', "[image]", 1],
    ["[![badge](b)](http://c)", "[[image]](http://c)", 0],
    [
      '<img src="https://x.y/a-long-address-that-nobody-wrote-by-hand/0123456789" alt="Screenshot" width="10">',
      "[image]",
      0,
    ],
    ["<p hidden>hidden</p>\n\nok", "\n\nok", 1],
    ['<span style="display: none">hidden</span>ok', "ok", 1],
    ["<template>hidden</template>ok", "ok", 1],
    ["```js hidden words\ncode\n```", "```js\ncode\n```", 1],
    ["~~~ hidden words\ncode\n~~~", "~~~ hidden\ncode\n~~~", 1],
    ["| a |\n|-|\n| b | hidden |\n", "| a |\n|-|\n| b |\n", 1],
    ["x[^hidden-words]\n\n[^hidden-words]: note", "x[^1]\n\n[^1]: note", 0],
    ["[^unused]: hidden\n\nok", "\nok", 1],
    ["a&#8203;b&ZeroWidthSpace;c&#xE0041;", "abc", 3],
    ["$\\phantom{hidden}$", "$$", 1],
    ["<ruby>a<rp>hidden</rp></ruby>", "a", 1],
    ["x <template>hidden\n\nhidden too", "x ", 1],
    ["<?note hidden ?>a <![CDATA[ hidden ]]>b", "a b", 2],
    ["```mermaid\n%% hidden\ngraph TD\naccTitle: hidden\n```", "```mermaid\n\ngraph TD\n\n```", 2],
    ["> ```mermaid\n> %%{init: hidden}%%\n> graph TD\n> ```", "> ```mermaid\n> \n> graph TD\n> ```", 1],
    ["```math\nx\\phantom{hidden}\n```", "```math\nx\n```", 1],
    ["<picture title='a'><source media='b'><img alt='c'></picture>", "[image]", 0],
    ["tag \u{E0041}\u{E0042} soup", "tag  soup", 1],
    ["a\u200Bb\u2060c\u00ADd\u202Ee\u061Cf", "abcdef", 5],
    ["x\uFE0F \u3164 \uFFA0 \u180B \u2800", "x    ", 5],
    ["a\0b\uD800c\uE000d", "abcd", 3],
  ];
  test.each(rows)("%j", (markdown, text, removed) => {
    expect(toVisibleText(markdown)).toEqual({ text, removed });
  });
});

describe("what is seen stays byte for byte", () => {
  test.each([
    "",
    "plain\r\ntext\twith **bold** _and_ [a link](https://x.y/?a=b&c=d#e) and `code`",
    "- [ ] todo\n- [x] done\n\n1. one\n   > quote\n\n***\n",
    "```ts\nconst a = '<!-- shown -->'; // &shy; [//]: # (shown)\n```\n",
    "    indented <b>code</b>\n",
    "`<!-- shown -->` and \\<b> and 1 < 2 > 0 and a & b &amp; &lt;",
    "| a | b |\n|:-|-:|\n| `x` | y |\n",
    "<https://x.y> and https://x.y and me@x.y #12 @name",
    "<title> is shown as it is",
    "👩‍💻 ❤️ 1️⃣ 👍🏽 🇩🇪 می‌خواهم क्‍ष 한국어 ñ",
    "$$\nx^2\n$$",
    "---\ntitle: front matter is shown\n---\n",
    "```sh\n%% shown\n```\n",
    "a  \nb\\\nc",
  ])("%j", (markdown) => {
    expect(toVisibleText(markdown)).toEqual({ text: markdown, removed: 0 });
  });

  test("text in harmless tags stays", () => {
    expect(toVisibleText("a <kbd>Ctrl</kbd> b<br>c").text).toBe("a Ctrl b c");
    expect(toVisibleText("<details><summary>More</summary>\n\n- shown\n\n</details>").text).toMatch(
      /More\s+- shown/,
    );
  });

  test("letters are composed, but not in code", () => {
    expect(toVisibleText("e\u0301 `e\u0301`")).toEqual({ text: "\u00E9 `e\u0301`", removed: 0 });
  });
});

/** Words that are shown start with "vis", words that are not with "hid". */
const vis = fc.nat(999).map((n) => `vis${n}`);
const hid = fc.nat(999).map((n) => `hid${n}`);
const shown = fc.oneof(
  vis,
  vis.map((w) => `**${w}**`),
  vis.map((w) => `\`${w}\``),
  vis.map((w) => `<b>${w}</b>`),
  vis.map((w) => `~~${w}~~`),
  vis.map((w) => `\n\n- ${w}\n- [ ] x\n\n`),
  vis.map((w) => `\n\n> ${w}\n\n`),
  vis.map((w) => `\n\n## ${w}\n\n`),
  vis.map((w) => `\n\n\`\`\`\n${w}\n\`\`\`\n\n`),
  vis.map((w) => `\n\n| a |\n|-|\n| ${w} |\n\n`),
  vis.map((w) => `[${w}](https://x.y)`),
  vis.map((w) => `\n\n<details>\n\n${w}\n\n</details>\n\n`),
);
const hidden = fc.oneof(
  hid.map((w) => `<!-- ${w} -->`),
  hid.map((w) => `<!<!-- x -->-- ${w} -->`),
  hid.map((w) => `\n\n<!--\n\n${w}\n\n-->\n\n`),
  hid.map((w) => `\n\n[//]: # (${w})\n\n`),
  hid.map((w) => `[a](https://x.y "${w}")`),
  hid.map((w) => `[a](<${w} b>)`),
  hid.map((w) => `<i title="${w}">a</i>`),
  hid.map((w) => `<span hidden>${w}</span>`),
  hid.map((w) => `<?x ${w} ?>`),
  hid.map((w) => `<![CDATA[ ${w} ]]>`),
  hid.map((w) => `<ruby>a<rp>${w}</rp></ruby>`),
  hid.map((w) => `<picture title="${w}"><source media="${w}"><img alt="${w}"></picture>`),
  hid.map((w) => `\n\n\`\`\`mermaid\n%% ${w}\na-->b\n\`\`\`\n\n`),
  hid.map((w) => Array.from(Buffer.from(w), (byte) => String.fromCodePoint(0xe0100 + byte)).join("")),
  hid.map((w) => `\n\n[${w}]: https://x.y "${w}"\n\n`),
  hid.map((w) => `![${w}](https://x.y)`),
  hid.map((w) => `<img alt="${w}">`),
  hid.map((w) => `\n\n\`\`\`js ${w}\nx\n\`\`\`\n\n`),
  hid.map((w) => `\n\n| a |\n|-|\n| b | ${w} |\n\n`),
  hid.map((w) => `\n\n[^${w}]: ${w}\n\n`),
  hid.map((w) => Array.from(w, (letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join("")),
  hid.map((w) => Array.from(w, (letter) => `&#x${(0xe0000 + letter.charCodeAt(0)).toString(16)};`).join("")),
);

test("every hidden word goes, every shown word stays, and nothing changes the second time", () => {
  const piece = fc.record({ text: fc.oneof(shown, hidden), gap: fc.constantFrom(" ", "\n", "\n\n") });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const markdown = pieces.map(({ text, gap }) => text + gap).join("");
      const { text } = toVisibleText(markdown);
      expect(text).not.toMatch(/hid\d/);
      expect([...text.matchAll(/vis\d+/g)].join(" ")).toBe([...markdown.matchAll(/vis\d+/g)].join(" "));
      expect(toVisibleText(text)).toEqual({ text, removed: 0 });
    }),
    { numRuns: 600 },
  );
});

const bits = fc.constantFrom(
  "<!--",
  "-->",
  "<",
  ">",
  "!",
  "--",
  "[",
  "]",
  "(",
  ")",
  '"',
  "'",
  ":",
  "\\",
  "&",
  "#8203;",
  "shy;",
  "`",
  "```",
  "~~~",
  "|",
  "-",
  "\n",
  "\n\n",
  " ",
  "    ",
  "<b",
  "</b>",
  "<img alt='",
  "hidden",
  "[^a]",
  "[//]: #",
  "![",
  "](x",
  "*",
  "_",
  "$\\phantom{",
  "}",
  "\u200B",
  "\u200D",
  "👩",
  "\uFE0F",
  "e\u0301",
  "\u{E0041}",
  "<?",
  "<![CDATA[",
  "]]>",
  "\r\n",
  "> ",
  "- ",
  "1. ",
);

test("any soup of marks comes out without HTML, images, definitions and invisible characters, once and for all", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: bits },
          { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 5 }) },
        ),
        { maxLength: 50 },
      ),
      (parts) => {
        const { text } = toVisibleText(parts.join(""));
        expect(toVisibleText(text)).toEqual({ text, removed: 0 });
        expect(text).not.toMatch(/[\u200B\u2060\u{E0000}-\u{E007F}\0]/u);
        expect(typesIn(text)).not.toContain("definition");
        expect(typesIn(text)).not.toContain("image");
      },
    ),
    { numRuns: 1_000 },
  );
});

function typesIn(text: string): string {
  return JSON.stringify(parseMarkdown(text), ["type", "children"]);
}

describe("texts too intricate to be parsed", () => {
  const log = "[INFO] 2026-01-01 foo_bar [x] *note* do_it (a_b) done\n".repeat(1_200);

  test("a long log comes through as it is", () => {
    expect(toVisibleText(log)).toEqual({ text: log, removed: 0 });
  });

  test.each([
    "<!-- hidden -->",
    "![hidden](x)",
    "<i title='hidden'>",
    "[a](b 'hidden)')",
    "[a][hidden]",
    "\n\n[//]: # (hidden)\n\n",
    "\n\n[x]:\n/url\n'hidden'\n\n",
    "\n```js hidden",
    "<!-- hidden",
  ])("but nothing hidden in it: %j", (piece) => {
    const { text, removed } = toVisibleText(`${log}${piece}\n`);
    expect(text).toContain("[INFO]");
    expect(text).not.toContain("hidden");
    expect(removed).toBeGreaterThan(0);
    expect(toVisibleText(text)).toEqual({ text, removed: 0 });
  });

  test("with a table it is left out, and says so", () => {
    const { text, removed } = toVisibleText(`| a |\n|---|\n| b | hidden |\n\n${log}`);
    expect(text).toMatch(/^\[text left out/);
    expect(removed).toBe(1);
  });

  test.each([">", "[a](", "- ", "a\n=\n", "[^a]", "![a](b)", "a_b ", "|a", "&shy;", "<b>"])(
    "65,536 characters of %j end soon",
    (unit) => {
      const cpu = process.cpuUsage();
      toVisibleText(unit.repeat(Math.ceil(65_536 / unit.length)).slice(0, 65_536));
      const { user, system } = process.cpuUsage(cpu);
      expect((user + system) / 1_000).toBeLessThan(4_000);
    },
  );
});
