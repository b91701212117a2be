import type { Nodes, Root } from "mdast";
import { closingHint, splitLiveText } from "./live-text.ts";
import {
  isAllowedTarget,
  isOwnMention,
  isReferenceTarget,
  wordsOf,
  type CleanOptions,
} from "./outgoing-tree.ts";

const forbidden: ReadonlySet<string> = new Set([
  "html",
  "image",
  "imageReference",
  "linkReference",
  "definition",
  "footnoteReference",
  "footnoteDefinition",
] satisfies Nodes["type"][]);

/** Whether a text, read back, is what `cleanTree` promises; writing Markdown is too subtle to be trusted blindly. */
export function isSafeTree(tree: Root, options: CleanOptions): boolean {
  return isSafe(tree, { ...options, references: false });
}

type Scope = CleanOptions & { references: boolean };

function isSafe(node: Nodes, scope: Scope): boolean {
  if (forbidden.has(node.type)) return false;
  if (node.type === "link") return isSafeLink(node, scope);
  if (!("children" in node)) return true;
  const references = closingHint.test(wordsOf(node));
  const inner =
    node.children.some((child) => child.type === "text") || scope.references
      ? { ...scope, references }
      : scope;
  let run = "";
  for (const child of node.children) {
    run = child.type === "text" ? run + child.value : "";
    if (run !== "" && isLive(run, inner)) return false;
    if (!isSafe(child, inner)) return false;
  }
  return true;
}

function isSafeLink(node: Nodes & { type: "link" }, scope: Scope): boolean {
  if (!isAllowedTarget(node.url, scope.hosts) || (node.title ?? "") !== "") return false;
  if (scope.references && isReferenceTarget(node.url)) return false;
  if (wordsOf(node) === node.url) return true;
  return node.children.every((child) =>
    child.type === "text" ? !isLive(child.value, scope) : isSafe(child, scope),
  );
}

function isLive(text: string, scope: Scope): boolean {
  return splitLiveText(text, scope).some((piece) => piece.live && !isOwnMention(piece.text, scope.mentions));
}
