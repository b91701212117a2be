import fc from "fast-check";
import type { Nodes } from "mdast";
import { expect, test } from "vitest";
import { parseMarkdown } from "../../src/github/parse-markdown.ts";
import { shortenOutline } from "../../src/webhooks/shorten-outline.ts";

/** Kinds of nodes around a place, from the outside in. */
function around(text: string, offset: number): string[] | null {
  const tree = parseMarkdown(text, "outline");
  if (tree === null) return null;
  const kinds: string[] = [];
  let node: Nodes | undefined = tree;
  while (node !== undefined) {
    kinds.push(node.type);
    const children: Nodes[] = "children" in node ? node.children : [];
    node = children.find(
      ({ position }) => (position?.start.offset ?? 0) <= offset && offset < (position?.end.offset ?? 0),
    );
  }
  return kinds;
}

const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "",
      "",
      "words",
      "words",
      "  words",
      "    code",
      "1st",
      "long ".repeat(30),
      `    ${"&[|".repeat(40)}`,
      "/usr/bin",
      "a | b",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[
        "/claude fix",
        " /claude ask",
        "> quoted",
        "> /claude no",
        "- item",
        "- ",
        "  - inner",
        "12. item",
        "1) x",
        "* * *",
      ],
      ...[
        "```",
        "~~~",
        "````",
        "```ts",
        "  ```",
        "> ```",
        "- ```",
        "``` `a`",
        "===",
        "---",
        "# head",
        "\tcode",
        "\t",
        "~~~ `",
      ],
      ...[
        "<!-- a",
        "-->",
        "<div>",
        "</div>",
        "<pre>",
        "<blockquote>",
        "a < b",
        "`code",
        "code`",
        "[a]: /b",
        "1.",
        "a\rb",
        "```\rx",
      ],
    ),
  },
);

test("what is left out changes nothing for any command line", () => {
  let shortened = 0;
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), fc.constantFrom("\n", "\r\n"), (lines, ending) => {
      const text = [...lines, "/claude go"].join(ending);
      const short = whole(text);
      if (short.text.length < text.length) shortened++;
      for (const { index } of text.matchAll(/(?<![^\n\r]) {0,3}\/claude/g)) {
        const at = text.indexOf("/", index);
        const moved = short.offsetOf(at);
        expect(short.text.startsWith("/claude", moved)).toBe(true);
        expect(around(short.text, moved)).toEqual(around(text, at));
      }
    }),
    { numRuns: 3_000 },
  );
  expect(shortened).toBeGreaterThan(500);
});

test("logs, mails and fenced files before a command shrink to a few lines", () => {
  const count = (text: string) => whole(text).text.split("\n").length;
  expect(count(`${"2026-01-01 12:00:00 a line of a log\n".repeat(900)}/claude go`)).toBe(3);
  expect(count(`${"A paragraph.\r\n\r\n".repeat(900)}/claude go`)).toBe(5);
  expect(count(`${"`".repeat(60_000)}\n${"a <b>\n".repeat(900)}/claude go`)).toBe(2);
  expect(count(`See:\n\n\`\`\`\n${"- <a> `b`\n".repeat(900)}\`\`\`\n\n/claude go`)).toBe(6);
});

test("more lines than may be left are given up, whatever is behind them", () => {
  const rules = "a\n---\n".repeat(200);
  expect(shortenOutline(`${rules}/claude`, { maxLines: 401 })?.text.split("\n")).toHaveLength(401);
  expect(shortenOutline(`${rules}/claude`, { maxLines: 400 })).toBeNull();
});

function whole(text: string) {
  const short = shortenOutline(text, { maxLines: Number.MAX_SAFE_INTEGER });
  if (short === null) throw new Error("expected all lines to be taken");
  return short;
}
