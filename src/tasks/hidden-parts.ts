import type {
  Definition,
  FootnoteDefinition,
  Image,
  ImageReference,
  Link,
  LinkReference,
  Nodes,
  Root,
  Table,
} from "mdast";
import { findHiddenHtml } from "./hidden-html.ts";
import { findHiddenInFence } from "./hidden-fence.ts";
import { findHiddenReferences } from "./hidden-references.ts";

/** Replaces a range of the source; `hidden`: somebody could have put words there that nobody sees. */
export type Edit = { start: number; end: number; text: string; hidden: boolean };

type Span = { start: number; end: number };

/** An alternative text up to this length is what GitHub itself writes for a screenshot. */
export const harmlessAlt = 60;

/** Everything in the source that GitHub does not show, as edits that take it away. */
export function findHiddenParts(source: string, tree: Root): Edit[] {
  const found = collect(tree);
  const definitions = new Map<string, Definition>();
  for (const node of found.definitions)
    if (!definitions.has(node.identifier)) definitions.set(node.identifier, node);
  const literals = found.literals.flatMap((node) => spanOf(node) ?? []);
  return [
    ...findHiddenHtml(
      source,
      found.html.flatMap((node) => spanOf(node) ?? []),
    ),
    ...found.definitions.flatMap((node) => removeBlock(source, node)),
    ...found.links.flatMap((node) => editLink(node)),
    ...found.linkReferences.flatMap((node) => editLinkReference(node, definitions.get(node.identifier))),
    ...found.images.flatMap((node) => editImage(node)),
    ...found.code.flatMap((node) => {
      const span = spanOf(node);
      return span === null ? [] : findHiddenInFence(source, span);
    }),
    ...found.tables.flatMap(editTable),
    ...editFootnotes(source, found),
    ...findHiddenReferences(source, literals),
  ];
}

type Found = {
  html: Nodes[];
  definitions: Definition[];
  links: Link[];
  linkReferences: LinkReference[];
  images: (Image | ImageReference)[];
  code: Nodes[];
  literals: Nodes[];
  tables: Table[];
  footnotes: FootnoteDefinition[];
  footnoteReferences: (Nodes & { type: "footnoteReference" })[];
};

function collect(tree: Root): Found {
  const found: Found = {
    html: [],
    definitions: [],
    links: [],
    linkReferences: [],
    images: [],
    code: [],
    literals: [],
    tables: [],
    footnotes: [],
    footnoteReferences: [],
  };
  const visit = (node: Nodes): void => {
    if (node.type === "html") found.html.push(node);
    else if (node.type === "definition") found.definitions.push(node);
    else if (node.type === "link") found.links.push(node);
    else if (node.type === "linkReference") found.linkReferences.push(node);
    else if (node.type === "image" || node.type === "imageReference") found.images.push(node);
    else if (node.type === "table") found.tables.push(node);
    else if (node.type === "footnoteDefinition") found.footnotes.push(node);
    else if (node.type === "footnoteReference") found.footnoteReferences.push(node);
    else if (node.type === "code") found.code.push(node);
    if (node.type === "code" || node.type === "inlineCode" || node.type === "html") found.literals.push(node);
    if ("children" in node) node.children.forEach(visit);
  };
  visit(tree);
  return found;
}

function spanOf(node: Nodes): Span | null {
  const start = node.position?.start.offset;
  const end = node.position?.end.offset;
  return start === undefined || end === undefined ? null : { start, end };
}

/** A block that is not shown, with the line end behind it. */
function removeBlock(source: string, node: Nodes): Edit[] {
  const span = spanOf(node);
  if (span === null) return [];
  const lineEnd = /^[ \t]*(?:\r\n|\r|\n)/.exec(source.slice(span.end, span.end + 100))?.[0].length ?? 0;
  return [{ start: span.start, end: span.end + lineEnd, text: "", hidden: true }];
}

/** A title, or a target that holds a sentence, is hidden; so is a link without words. */
function editLink(node: Link): Edit[] {
  const span = spanOf(node);
  if (span === null) return [];
  const hasTitle = node.title !== null && node.title !== undefined;
  if (node.children.length === 0) return [{ ...span, text: "", hidden: true }];
  if (!hasTitle && isTarget(node.url)) return [];
  return unwrap(node, span, isTarget(node.url) ? `](<${node.url}>)` : null);
}

function editLinkReference(node: LinkReference, definition: Definition | undefined): Edit[] {
  const span = spanOf(node);
  if (span === null || definition === undefined) return [];
  const edits = unwrap(node, span, isTarget(definition.url) ? `](<${definition.url}>)` : null);
  // The definition's removal has been counted.
  return edits.map((edit) => ({ ...edit, hidden: false }));
}

/** Keeps the words; `tail` replaces what follows them, null takes the brackets away. */
function unwrap(node: Link | LinkReference, span: Span, tail: string | null): Edit[] {
  const first = node.children.map(spanOf).find((child) => child !== null);
  const last = node.children.map(spanOf).findLast((child) => child !== null);
  if (!first || !last) return [{ ...span, text: "", hidden: true }];
  const end = { start: last.end, end: span.end, text: tail ?? "", hidden: true };
  return tail === null ? [{ start: span.start, end: first.start, text: "", hidden: false }, end] : [end];
}

function isTarget(url: string): boolean {
  return url.length <= 2_000 && !/[\s<>]/.test(url);
}

function editImage(node: Image | ImageReference): Edit[] {
  const span = spanOf(node);
  if (span === null) return [];
  const title = "title" in node ? (node.title ?? "") : "";
  return [{ ...span, text: "[image]", hidden: (node.alt ?? "").length > harmlessAlt || title !== "" }];
}

/** GitHub drops the cells that have no column. */
function editTable(table: Table): Edit[] {
  const columns = table.children[0]?.children.length ?? 0;
  return table.children.flatMap((row) => {
    const first = row.children[columns];
    const start = first === undefined ? undefined : spanOf(first)?.start;
    const end = spanOf(row)?.end;
    return start === undefined || end === undefined || start >= end
      ? []
      : [{ start, end, text: "|", hidden: true }];
  });
}

/** A footnote that nothing refers to is not shown, and of the others the number instead of the name. */
function editFootnotes(source: string, { footnotes, footnoteReferences }: Found): Edit[] {
  const numbers = new Map<string, number>();
  for (const { identifier } of footnoteReferences)
    if (!numbers.has(identifier)) numbers.set(identifier, numbers.size + 1);
  const seen = new Set<string>();
  const definitions = footnotes.flatMap((node): Edit[] => {
    const number = numbers.get(node.identifier);
    const span = spanOf(node);
    if (span === null) return [];
    if (number === undefined || seen.has(node.identifier)) return removeBlock(source, node);
    seen.add(node.identifier);
    const label = /^\[\^[^\]]*\]:/.exec(source.slice(span.start, span.start + 2_000))?.[0];
    return label === undefined
      ? []
      : rename(source, { start: span.start, end: span.start + label.length }, `[^${number}]:`);
  });
  const references = footnoteReferences.flatMap((node) => {
    const span = spanOf(node);
    return span === null ? [] : rename(source, span, `[^${numbers.get(node.identifier) ?? 0}]`);
  });
  return [...definitions, ...references];
}

function rename(source: string, span: Span, text: string): Edit[] {
  return source.slice(span.start, span.end) === text ? [] : [{ ...span, text, hidden: false }];
}
