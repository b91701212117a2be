import type { Guard } from "../guard.ts";

const visible = { group: "sanitiser", promise: "P7", tests: ["test/tasks/visible-text.test.ts"] } as const;
const html = { ...visible, file: "src/tasks/hidden-html.ts" } as const;
const parts = { ...visible, file: "src/tasks/hidden-parts.ts" } as const;
const outgoing = { ...visible, promise: "P6", tests: ["test/github/outgoing-text.test.ts"] } as const;
const tree = { ...outgoing, file: "src/github/outgoing-tree.ts" } as const;
const redactor = {
  group: "redactor",
  promise: "P6",
  file: "src/github/redact.ts",
  tests: ["test/github/redact.test.ts", "test/github/redact-forms.test.ts"],
} as const;

/** What the model reads, and what is published. */
export const textGuards: readonly Guard[] = [
  {
    ...visible,
    name: "invisible characters go",
    file: "src/tasks/visible-text.ts",
    source: "const seen = stripInvisible(text);",
    without: "const seen = { text, removed: 0 };",
  },
  {
    ...visible,
    name: "hidden parts go",
    file: "src/tasks/visible-text.ts",
    source: "const edits = findHiddenParts(seen.text, tree);",
    without: "const edits: readonly Edit[] = [];",
  },
  {
    ...visible,
    name: "one removal may make the next",
    file: "src/tasks/visible-text.ts",
    source: "text = next.text;\n  }",
    without: "return next;\n  }",
  },
  {
    ...visible,
    name: "what nests too deep is left out",
    file: "src/tasks/visible-text.ts",
    source: "return { text: leftOut, removed: removed + 1 };",
    without: "return { text: markdown, removed };",
  },
  { ...html, name: "elements that are not shown", source: "unseen.has(name) ||", without: "" },
  {
    ...html,
    name: "a template that never ends",
    source: 'tag.name === "template" && tag.kind === "open" ? source.length : null',
    without: "null",
  },
  {
    ...parts,
    name: "definitions",
    source: "...found.definitions.flatMap((node) => removeBlock(source, node)),",
    without: "",
  },
  { ...parts, name: "titles of links", source: "if (!hasTitle && isTarget(node.url))", without: "if (true)" },
  {
    ...parts,
    name: "alternative texts",
    source: "...found.images.flatMap((node) => editImage(node)),",
    without: "",
  },
  { ...parts, name: "surplus cells", source: "...found.tables.flatMap(editTable),", without: "" },
  { ...parts, name: "footnotes", source: "...editFootnotes(source, found),", without: "" },
  {
    ...parts,
    name: "links without words",
    source: "if (node.children.length === 0) return",
    without: "if (false) return",
  },
  {
    ...tree,
    name: "only our hosts are linked",
    source: "hosts.has(target.host) && ",
    without: "",
  },
  {
    ...tree,
    name: "no password in a link",
    source: ' && target.username === "" && target.password === ""',
    without: "",
  },
  {
    ...tree,
    name: "web addresses only",
    source: String.raw`!/^https?:\/\/[^\s\\]+$/i.test(url) || `,
    without: "",
  },
  {
    ...tree,
    name: "pictures are words",
    source: 'return [text(node.alt ?? "image")];',
    without: "return [node];",
  },
  {
    ...tree,
    name: "diagrams are code",
    source: '&& !drawn.has(node.lang?.toLowerCase() ?? "")',
    without: "",
  },
  {
    ...tree,
    name: "mentions and closing words",
    source: "piece.live && !isOwnMention(piece.text, scope.mentions)",
    without: "false",
    tests: ["test/github/outgoing-text.test.ts"],
  },
  {
    ...tree,
    name: "a secret in pieces",
    source: "return redacted === words ? clean :",
    without: "return true ? clean :",
  },
  {
    ...tree,
    name: "a secret in a link's target",
    source: " && context.redact(url) === url",
    without: "",
  },
  {
    ...outgoing,
    name: "the written text is read back",
    file: "src/github/outgoing-text.ts",
    source: "check !== null && isSafeTree(check, clean)",
    without: "true",
  },
  {
    ...outgoing,
    name: "the cap in bytes",
    file: "src/github/outgoing-text.ts",
    source: "if (!cut && Buffer.byteLength(whole) <= maxBytes) return whole;",
    without: "return whole;",
  },
  {
    ...redactor,
    name: "windows of a secret",
    source: "redactWindows(redactPatterns(text), find)",
    without: "redactPatterns(text)",
  },
  {
    ...redactor,
    name: "short forms",
    source: "redactShort(redactWindows(",
    without: "((left: string, _: unknown) => left)(redactWindows(",
  },
  {
    ...redactor,
    name: "patterns",
    source: "redactWindows(redactPatterns(text), find), short",
    without: "redactWindows(text, find), short",
  },
  {
    ...redactor,
    name: "invisible letters within",
    source: "if (bare !== text && redact(bare) !== bare) return redact(bare);",
    without: "",
  },
  {
    ...redactor,
    name: "the three alignments of base64",
    source: "[0, 1, 2].flatMap(",
    without: "[0].flatMap(",
  },
  {
    ...redactor,
    name: "base64url",
    source: 'base64.replaceAll("+", "-").replaceAll("/", "_")',
    without: "base64",
  },
  { ...redactor, name: "reversed", source: 'Array.from(secret).toReversed().join("")', without: "secret" },
  { ...redactor, name: "hex", source: "        hex,\n", without: "" },
  { ...redactor, name: "hex in capitals", source: "        hex.toUpperCase(),\n", without: "" },
  { ...redactor, name: "percent escapes", source: "        percent,\n", without: "" },
  {
    ...redactor,
    name: "percent escapes in capitals",
    source: "        percent.toUpperCase(),\n",
    without: "",
  },
  { ...redactor, name: "JSON escapes", source: "        JSON.stringify(value).slice(1, -1),\n", without: "" },
  {
    ...redactor,
    name: "URL escapes",
    source: "        encodeURIComponent(value.toWellFormed()),\n",
    without: "",
  },
  {
    ...redactor,
    name: "the lines of a key file",
    source: 'secret.includes("-----BEGIN ") ? lines : [secret]',
    without: "[secret]",
  },
];
