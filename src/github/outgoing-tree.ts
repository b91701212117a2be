import type { InlineCode, Nodes, Parents, PhrasingContent, Root, RootContent, Text } from "mdast";
import { htmlToText } from "./html-to-text.ts";
import { closingHint, splitLiveText } from "./live-text.ts";
import type { Redactor } from "./redact.ts";

export type CleanOptions = {
  redact: Redactor;
  /** Lower case, with port where there is one. */
  hosts: ReadonlySet<string>;
  /** Lower case, without the @. */
  mentions: ReadonlySet<string>;
};

type Context = CleanOptions & { targets: ReadonlyMap<string, string> };

/** The tree without HTML, images, titles, definitions and foreign links; everything that GitHub would act on is code. */
export function cleanTree(tree: Root, options: CleanOptions): Root {
  const targets = new Map<string, string>();
  visit(tree, (node) => {
    if (node.type === "definition" && !targets.has(node.identifier)) targets.set(node.identifier, node.url);
  });
  const simple = simplifyChildren(tree, { ...options, targets }).map((node) =>
    redactWords(node, options.redact),
  );
  return {
    type: "root",
    children: simple.flatMap((node) => neutralise(node, { ...options, references: false })) as RootContent[],
  };
}

/** On the words of whole lines: pieces of a secret that were apart, or are in bold, are read together; formatting goes then. */
function redactWords(node: Nodes, redact: Redactor): Nodes {
  if (node.type === "text" || node.type === "inlineCode" || node.type === "code")
    return { ...node, value: redact(node.value) };
  if (!("children" in node)) return node;
  const clean = { ...node, children: node.children.map((child) => redactWords(child, redact)) } as Nodes;
  if (!lines.has(node.type)) return clean;
  const words = wordsOf(clean);
  const redacted = redact(words);
  return redacted === words ? clean : ({ ...node, children: [text(redacted)] } as Nodes);
}

export function visit(node: Nodes, look: (node: Nodes) => void): void {
  look(node);
  if ("children" in node) for (const child of node.children) visit(child, look);
}

/** The words of a node as a reader sees them. */
export function wordsOf(node: Nodes): string {
  if (node.type === "break") return "\n";
  if ("value" in node) return node.value;
  return "children" in node ? node.children.map(wordsOf).join("") : "";
}

export function isAllowedTarget(url: string, hosts: ReadonlySet<string>): boolean {
  if (!/^https?:\/\/[^\s\\]+$/i.test(url) || !URL.canParse(url)) return false;
  const target = new URL(url);
  return hosts.has(target.host) && target.username === "" && target.password === "";
}

/** An issue, pull request or commit: behind a closing keyword GitHub closes it. */
export const isReferenceTarget = (url: string): boolean =>
  /\/(?:issues|pull|pulls|commit|discussions)\//i.test(url);

/** Where a block of HTML stands, its words have to be a paragraph. */
const flow: ReadonlySet<string> = new Set([
  "root",
  "blockquote",
  "listItem",
  "footnoteDefinition",
] satisfies Nodes["type"][]);

function simplifyChildren(node: Parents, context: Context): Nodes[] {
  if (!flow.has(node.type)) return joinText(node.children.flatMap((child) => simplify(child, context)));
  return node.children.flatMap((child) =>
    child.type === "html" ? toParagraph(htmlToText(child.value)) : simplify(child, context),
  );
}

function toParagraph(words: (Text | InlineCode)[]): Nodes[] {
  const joined = joinText(words.map((word) => ({ ...word, value: word.value.replaceAll(/\s+/g, " ") })));
  return joined.every((word) => wordsOf(word).trim() === "")
    ? []
    : [{ type: "paragraph", children: joined as PhrasingContent[] }];
}

function simplify(node: Nodes, context: Context): Nodes[] {
  switch (node.type) {
    case "definition":
      return [];
    case "html":
      return htmlToText(node.value);
    case "image":
    case "imageReference":
      return [text(node.alt ?? "image")];
    case "footnoteReference":
      return [text(`[${node.label ?? node.identifier}]`)];
    case "footnoteDefinition":
      return [
        { type: "paragraph", children: [text(`[${node.label ?? node.identifier}]:`)] },
        ...simplifyChildren(node, context),
      ];
    case "link":
      return simplifyLink(node, node.url, context);
    case "linkReference":
      return simplifyLink(node, context.targets.get(node.identifier) ?? "", context);
    case "code": {
      const lang =
        /^[\w+#.-]{1,20}$/.test(node.lang ?? "") && !drawn.has(node.lang?.toLowerCase() ?? "")
          ? (node.lang ?? null)
          : null;
      return [{ type: "code", lang, meta: null, value: node.value }];
    }
    default:
      return "children" in node ? [{ ...node, children: simplifyChildren(node, context) } as Nodes] : [node];
  }
}

/** Languages that GitHub draws instead of showing. */
const drawn = new Set(["mermaid", "math", "geojson", "topojson", "stl"]);

function simplifyLink(node: Parents, url: string, context: Context): Nodes[] {
  const children = simplifyChildren(node, context);
  const words = children.map(wordsOf).join("");
  if (isAllowedTarget(url, context.hosts) && context.redact(url) === url)
    return [{ type: "link", url, children: children as PhrasingContent[] }];
  if (url === "") return children;
  // GFM makes a link of a bare www.… or address, and adds the scheme itself.
  const bare = words.trim() !== "" && url.endsWith(words);
  const target: Nodes = { type: "inlineCode", value: (bare ? words : url).replaceAll(/\s+/g, " ") };
  if (bare || words.trim() === "") return [target];
  return [...children, text(" ("), target, text(")")];
}

const lines: ReadonlySet<string> = new Set(["paragraph", "heading", "tableCell"] satisfies Nodes["type"][]);

type Scope = CleanOptions & { references: boolean };

/** Blocks whose words GitHub reads together when it looks for "fixes #1". */
const sentences: ReadonlySet<string> = new Set([
  "paragraph",
  "heading",
  "tableRow",
] satisfies Nodes["type"][]);

function neutralise(node: Nodes, scope: Scope): Nodes[] {
  const inner = sentences.has(node.type) ? { ...scope, references: closingHint.test(wordsOf(node)) } : scope;
  if (node.type === "text") return neutraliseText(node, scope);
  if (node.type === "link" && scope.references && isReferenceTarget(node.url)) {
    const words =
      wordsOf(node) === node.url
        ? []
        : [...node.children.flatMap((child) => neutralise(child, scope)), text(" ")];
    return [...words, { type: "inlineCode", value: node.url }];
  }
  if (node.type === "link" && wordsOf(node) === node.url) return [node];
  if (!("children" in node)) return [node];
  const children = node.children.flatMap((child) => neutralise(child, inner));
  if (node.type === "paragraph") trimEdges(children);
  const hasWords = children.length > 0 || node.type === "tableCell" || node.type === "listItem";
  return hasWords ? [{ ...node, children } as Nodes] : [];
}

/** White space there would be written as a character reference. */
function trimEdges(children: Nodes[]): void {
  const first = children[0];
  if (first?.type === "text") children[0] = text(first.value.trimStart() || first.value);
  const last = children.at(-1);
  if (last?.type === "text") children[children.length - 1] = text(last.value.trimEnd() || last.value);
}

function neutraliseText(node: Text, scope: Scope): Nodes[] {
  return splitLiveText(node.value, scope).map((piece): Nodes =>
    piece.live && !isOwnMention(piece.text, scope.mentions)
      ? { type: "inlineCode", value: piece.text }
      : text(piece.text),
  );
}

export function isOwnMention(word: string, mentions: ReadonlySet<string>): boolean {
  return word.startsWith("@") && mentions.has(word.slice(1).toLowerCase());
}

function text(value: string): Text {
  return { type: "text", value };
}

/** Where something between two texts has gone, they are one: "@" and "name" are a mention. */
function joinText(nodes: readonly Nodes[]): Nodes[] {
  const joined: Nodes[] = [];
  for (const node of nodes) {
    const last = joined.at(-1);
    if (node.type === "text" && last?.type === "text")
      joined[joined.length - 1] = text(last.value + node.value);
    else joined.push(node);
  }
  return joined;
}
