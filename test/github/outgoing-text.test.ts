import fc from "fast-check";
import type { Nodes } from "mdast";
import { describe, expect, test } from "vitest";
import { findMark } from "../../src/github/mark.ts";
import { clipBytes, toPublicMarkdown } from "../../src/github/outgoing-text.ts";
import { parseMarkdown } from "../../src/github/parse-markdown.ts";
import { createRedactor } from "../../src/github/redact.ts";
import { parseCommand } from "../../src/webhooks/command.ts";

const options = { allowedHosts: ["github.com", "docs.acme.test:8443"] };
const publish = (text: string) => toPublicMarkdown(text, options);

describe("what GitHub would act on", () => {
  test.each([
    ["hi @bob and @org/team.", "hi `@bob` and `@org/team`."],
    ["@scope/package and me@x.test", "`@scope/package` and `me@x.test`"],
    ["@<b>bob</b> @<!-- x -->bob &#64;bob \\@bob", "`@bob` `@bob` `@bob` `@bob`"],
    ["fixes #1 and closes acme/web#2", "fixes `#1` and closes `acme/web#2`"],
    ["Resolved: GH-3", "Resolved: `GH-3`"],
    ["fixes **#1**", "fixes **`#1`**"],
    ["fixes\n#1", "fixes\n`#1`"],
    ["fixes https://github.com/a/b/issues/1", "fixes `https://github.com/a/b/issues/1`"],
    ["fixes [it](https://github.com/a/b/issues/1)", "fixes it `https://github.com/a/b/issues/1`"],
    ["see #4 and GH-5", "see #4 and GH-5"],
    ["see acme/web#4 and acme/web@0123456789", "see `acme/web#4` and `acme/web@0123456789`"],
    ["/claude stop\n/claude stop", "`/claude` stop\n`/claude` stop"],
    ["- /claude stop", "- `/claude` stop"],
    ["src/claude and /claude-x", "src/claude and `/claude`-x"],
    ["![words](https://evil.test/x.png)", "words"],
    ["![](https://evil.test/x.png)", ""],
    ["[words](https://evil.test/?q=1 'title')", "words (`https://evil.test/?q=1`)"],
    ["[words](javascript:alert(1))", "words (`javascript:alert(1)`)"],
    ["[words][r]\n\n[r]: https://evil.test", "words (`https://evil.test`)"],
    ["https://evil.test/a, www.evil.test", "`https://evil.test/a`, `www.evil.test`"],
    ["<https://evil.test>", "`https://evil.test`"],
    ["[a](https://github.com/a/b 't')", "[a](https://github.com/a/b)"],
    ["https://github.com/a/b", "<https://github.com/a/b>"],
    ["[a](https://docs.acme.test:8443/x)", "[a](https://docs.acme.test:8443/x)"],
    ["[a](https://docs.acme.test/x)", "a (`https://docs.acme.test/x`)"],
    ["[a](https://github.com@evil.test/)", "a (`https://github.com@evil.test/`)"],
    ["[a](https://user:word@github.com/)", "a (`https://user:word@github.com/`)"],
    ["[a](https://github.com/a/b@v1)", "[a](https://github.com/a/b@v1)"],
    ["[a](https://github.com.evil.test/)", "a (`https://github.com.evil.test/`)"],
    ["[a](https://github.com\\\\@evil.test/)", "a (`https://github.com\\@evil.test/`)"],
    ["[a](//evil.test)", "a (`//evil.test`)"],
    ["[@bob](https://github.com/bob)", "[`@bob`](https://github.com/bob)"],
    ["<b>bold</b> <script>x</script><!-- y -->", "bold x"],
    ["<!-- remote-claude:task:1 -->", ""],
    ["a List<String> b", "a List`<String>` b"],
    ["<details>\n<summary>S</summary>\n\nmore\n\n</details>", "S\n\nmore"],
    ["```mermaid\na\n```", "```\na\n```"],
    ["```ts title='x'\n@bob fixes #1\n```", "```ts\n@bob fixes #1\n```"],
    ["a\u202Eb\u200Bc\u{E0041}", "abc"],
  ])("%j", (text, published) => {
    expect(publish(text)).toBe(published);
  });

  test("what is ordinary stays", () => {
    const text =
      "## Title\n\n**Bold**, _it_ and `code`.\n\n- [ ] one\n- [x] two\n\n1. a\n2. b\n\n> quote\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n```ts\nconst a = 1;\n```\n\n---";
    expect(publish(text)).toBe(text);
  });

  test("logins of our own may be mentioned", () => {
    expect(toPublicMarkdown("@Alice @bob", { ...options, ownMentions: ["alice"] })).toBe("@Alice `@bob`");
  });
});

test("a secret does not come about by cleaning", () => {
  const redact = createRedactor(["correct-horse-battery"]);
  const apart = [
    "cor\u200Brect-ho\u200Brse-bat\u200Btery",
    "cor<!-- -->rect-horse-bat<b></b>tery",
    "correct-horse&#45;bat&#116;ery",
    "correct-horse\\-bat\\-tery".replace("bat\\-", "bat"),
    "[x](https://github.com/correct-horse-battery)",
    "`correct-horse-battery`",
    "**correct**-horse-**battery**",
    "corr*ect-ho*rse-bat~~tery~~",
    "> ".repeat(20) + "cor\u200Brect-ho\u200Brse-bat\u200Btery",
  ];
  for (const text of apart) expect(toPublicMarkdown(text, { ...options, redact })).toContain("redacted");
  for (const text of apart) expect(toPublicMarkdown(text, { ...options, redact })).not.toContain("horse");
});

test("what looks like a credential is none because of marks that go, or that are taken for emphasis", () => {
  const redact = createRedactor([]);
  const token = ["rct", "Q7na3smMv", "prCeMPg1sk5fUWM36G7r1Yps"].join("_");
  for (const gap of ["<!-- -->", "<b></b>", "\u200B"]) {
    const published = toPublicMarkdown(token.split("").join(gap), { ...options, redact });
    expect(published).toContain("redacted");
    expect(published).not.toMatch(/Q7na|Yps/);
  }
});

test.each([
  "[x](https://github.com/correct\\-horse\\-battery)",
  "[x](https://github.com/correct&#45;horse&#45;battery)",
  "[x][r]\n\n[r]: https://github.com/correct&#45;horse&#45;battery",
])("a secret in a link's target goes, however it is written: %s", (text) => {
  const redact = createRedactor(["correct-horse-battery"]);
  const published = toPublicMarkdown(text, { ...options, allowedHosts: ["github.com"], redact });
  expect(published).toContain("redacted");
  expect(published).not.toMatch(/correct|horse|battery/);
});

test("what was published is published again as it stands", () => {
  fc.assert(
    fc.property(soup, (text) => {
      const once = publish(text);
      const twice = publish(once);
      expect(publish(twice)).toBe(twice);
      expect(parseMarkdown(twice) === null ? [] : problems(parseMarkdown(twice) as Nodes)).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

describe("the cap", () => {
  const cap = (text: string, maxBytes: number) => toPublicMarkdown(text, { ...options, maxBytes });

  test.each([
    ["paragraphs", "word @bob é😀\n\n".repeat(200)],
    ["one paragraph", "word @bob é😀 ".repeat(200)],
    ["a list", "- item é😀\n".repeat(200)],
    ["a fence", `\`\`\`ts\n${"é😀\n".repeat(300)}\`\`\``],
    ["a table", `| a |\n|-|\n${"| é😀 |\n".repeat(200)}`],
    ["a quote", "> é😀\n".repeat(200)],
  ])("%s", (_name, text) => {
    const published = cap(text, 900);
    expect(Buffer.byteLength(published)).toBeLessThanOrEqual(900);
    expect(published).toMatch(/… truncated$/);
    expect(published).not.toContain("\uFFFD");
    expect(openFences(published)).toBe(false);
  });

  test("nothing is cut that fits", () => {
    expect(cap("é".repeat(100), 200)).toBe("é".repeat(100));
  });

  test("between characters", () => {
    expect(["é😀", "é😀x"].map((text) => clipBytes(text, 5))).toEqual(["é", "é"]);
    expect(clipBytes("é😀x", 6)).toBe("é😀");
  });
});

/** Whether what is written behind it would still be code, or part of something else. */
function openFences(text: string): boolean {
  const last = parseMarkdown(`${text}\n\nend`)?.children.at(-1);
  return last?.type !== "paragraph";
}

test("what cannot be checked is shown as code", () => {
  expect(publish("/claude/claude")).toBe("```text\n/claude/claude\n```");
  expect(publish(">".repeat(100))).toBe(`\`\`\`text\n${">".repeat(100)}\n\`\`\``);
  const published = publish(`${"> ".repeat(100)}\n\`\`\`\`\n@bob <img src=x>`);
  expect(published).toMatch(/^`````text\n[\s\S]*\n`````$/);
});

const word = fc.constantFrom(
  "@bob",
  "@",
  "bob",
  "fixes",
  "closes:",
  "#1",
  "GH-2",
  "a/b#3",
  "/claude",
  "https://evil.test/x",
  "https://github.com/a/b/issues/1",
  "www.evil.test",
  "me@x.test",
  "![a](https://evil.test)",
  "[a](https://evil.test)",
  "[a](https://github.com 't')",
  "[@bob](x)",
  "[a]: https://evil.test",
  "[a]",
  "<b>",
  "</b>",
  "<img src=x onerror=y>",
  "<!--",
  "-->",
  "<!-- remote-claude:task:1 -->",
  "<String>",
  "`",
  "``",
  "```",
  "~~~",
  "*",
  "**",
  "_",
  "~~",
  "|",
  "|-|-|",
  "- ",
  "> ",
  "1. ",
  "    ",
  "\\",
  "&#64;",
  "&lt;",
  "\u200B",
  "\u202E",
  "[^1]",
  "[^1]: x",
  "javascript:alert(1)",
  "$",
  "***",
  "=== ",
  "# ",
);
const soup = fc
  .array(
    fc.tuple(
      fc.oneof(
        { weight: 6, arbitrary: word },
        { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
      ),
      fc.constantFrom("", "", " ", "\n", "\n\n"),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.flat().join(""));

test("nothing that anybody writes mentions, closes, loads, links elsewhere, forges a mark or commands", () => {
  fc.assert(
    fc.property(soup, (text) => {
      const published = publish(text);
      const tree = parseMarkdown(published);
      expect(tree === null ? [] : problems(tree)).toEqual([]);
      expect(findMark(published)).toBeNull();
      expect(parseCommand(published).kind).toBe("none");
      expect(published).not.toMatch(/[\u200B\u202E\0]/);
      expect(openFences(published)).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

/** Told apart by rules of its own, so that it does not repeat the mistakes of the code. */
function problems(node: Nodes, inLink = false): string[] {
  if (["html", "image", "imageReference", "definition", "linkReference"].includes(node.type))
    return [node.type];
  if (node.type === "link") {
    const host = URL.canParse(node.url) ? new URL(node.url).host : "none";
    if (!options.allowedHosts.includes(host) || !/^https?:/.test(node.url)) return [`link ${node.url}`];
  }
  if (node.type === "text" && !inLink) {
    if (/(?<![\w`])@[a-z0-9]/i.test(node.value)) return [`mention ${node.value}`];
    if (/https?:\/\/|(?<![a-z0-9])www\./i.test(node.value)) return [`address ${node.value}`];
    if (/(?<![a-z0-9])(?:clos|fix|resolv)\w*:?\s+(?:[\w-]+\/[\w-]+)?(?:#|GH-)\d/i.test(node.value))
      return [`closing ${node.value}`];
  }
  return "children" in node
    ? node.children.flatMap((child) => problems(child, inLink || node.type === "link"))
    : [];
}

test.each([">", "[a](", "- ", "a\n=\n", "[^a]", "@a ", "a_b ", "|a", "&shy;", "<b>", "a@b.c ", "**a** "])(
  "65,536 characters of %j end soon",
  (unit) => {
    const cpu = process.cpuUsage();
    const published = publish(unit.repeat(Math.ceil(65_536 / unit.length)).slice(0, 65_536));
    const { user, system } = process.cpuUsage(cpu);
    expect((user + system) / 1_000).toBeLessThan(5_000);
    expect(Buffer.byteLength(published)).toBeLessThanOrEqual(60_000);
  },
);
