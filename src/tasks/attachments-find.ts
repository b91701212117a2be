import type { Definition, Nodes, Root } from "mdast";
import { attachmentHosts, type AttachmentHosts } from "../github/attachment-hosts.ts";
import type { AttachmentReference } from "../github/attachment-reference.ts";
import { parseMarkdown } from "../github/parse-markdown.ts";
import { findHiddenParts, type Edit } from "./hidden-parts.ts";

export type FoundAttachment = Pick<AttachmentReference, "url" | "name" | "kind" | "nthImage">;

/** Without one of these no text holds an image or an attachment, and need not be parsed. */
const hint = /!\[|<img|<video|\/(?:assets|files)\//i;

/** Nobody pastes more; a text that does is out to make us work. */
const maxFound = 50;

/** What a text is made of that may show a file: where it stands, and the address. */
type Shown = { start: number; url: string; as: "image" | "link" | "video" };

/**
 * The files attached in a comment, in the order in which a person sees them: those that GitHub keeps, and images
 * from elsewhere, which are only named. What is not shown (comments, hidden elements, code, unused definitions) does not count.
 */
export function findAttachments(markdown: string, { serverUrl }: { serverUrl: string }): FoundAttachment[] {
  if (!hint.test(markdown)) return [];
  const hosts = attachmentHosts(serverUrl);
  const tree = parseMarkdown(markdown);
  if (tree === null) return findUnchecked(markdown, hosts);
  const found = new Map<string, FoundAttachment>();
  let images = 0;
  for (const { url, as } of findShown(markdown, tree)) {
    const nthImage = as === "image" ? ++images : null;
    const attachment = describe(url, as, hosts);
    if (attachment === null) continue;
    // An image in a link to itself, as the editor once wrote them, is an image.
    const known = found.get(attachment.url);
    if (known === undefined && found.size === maxFound) break;
    found.set(attachment.url, { ...(known ?? attachment), nthImage: known?.nthImage ?? nthImage });
  }
  return [...found.values()];
}

function describe(
  address: string,
  as: Shown["as"],
  hosts: AttachmentHosts,
): Omit<FoundAttachment, "nthImage"> | null {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) return null;
  const place = hosts.classify(url);
  const plain = url.origin + url.pathname;
  if (place === null) return as === "link" ? null : { url: plain, name: url.host, kind: "foreign" };
  // The query of a signed link is a credential: it is not kept.
  if (place.kind === "expiring") return { url: plain, name: url.host, kind: "expiring" };
  if (as === "video") return { url: plain, name: "video", kind: "video" };
  return { url: plain, name: place.name, kind: place.kind };
}

/** Addresses of attachments in a text that cannot be checked: they are named, so that nobody wonders. */
function findUnchecked(markdown: string, hosts: AttachmentHosts): FoundAttachment[] {
  const found = new Map<string, FoundAttachment>();
  for (const [address] of markdown.matchAll(/https?:\/\/[^\s<>"'()[\]\\]{1,500}/g)) {
    const attachment = describe(address, "link", hosts);
    if (attachment !== null) found.set(attachment.url, { ...attachment, kind: "unchecked", nthImage: null });
    if (found.size === maxFound) break;
  }
  return [...found.values()];
}

function findShown(source: string, tree: Root): Shown[] {
  const edits = findHiddenParts(source, tree);
  const definitions = new Map<string, Definition>();
  const shown: Span[] = [];
  const visit = (node: Nodes, act: (node: Nodes) => void): void => {
    act(node);
    if ("children" in node) for (const child of node.children) visit(child, act);
  };
  visit(tree, (node) => {
    if (node.type === "definition" && !definitions.has(node.identifier))
      definitions.set(node.identifier, node);
  });
  visit(tree, (node) => {
    const start = node.position?.start.offset ?? 0;
    const end = node.position?.end.offset ?? 0;
    const as = node.type === "image" || node.type === "imageReference" ? "image" : "link";
    if (node.type === "image" || node.type === "link") shown.push({ start, end, url: node.url, as });
    if (node.type !== "imageReference" && node.type !== "linkReference") return;
    const definition = definitions.get(node.identifier);
    if (definition !== undefined) shown.push({ start, end, url: definition.url, as });
  });
  shown.push(...edits.flatMap((edit) => readElement(source, edit)));
  return leaveOutHidden(shown, edits);
}

type Span = Shown & { end: number };

/** An edit around an item takes it away; the item's own edit does so only where it leaves nothing of a link. */
function leaveOutHidden(shown: readonly Span[], edits: readonly Edit[]): Shown[] {
  const ordered = edits.toSorted((a, b) => a.start - b.start);
  const visible: Shown[] = [];
  let next = 0;
  let hiddenUntil = -1;
  for (const item of shown.toSorted((a, b) => a.start - b.start)) {
    for (; (ordered[next]?.start ?? Infinity) < item.start; next++)
      hiddenUntil = Math.max(hiddenUntil, ordered[next]?.end ?? 0);
    let isHidden = hiddenUntil >= item.end;
    for (let at = next; ordered[at]?.start === item.start; at++) {
      const end = ordered[at]?.end ?? 0;
      const leavesNothing = item.as === "link" && ordered[at]?.text === "";
      isHidden ||= end > item.end || (end === item.end && leavesNothing);
    }
    if (!isHidden) visible.push(item);
  }
  return visible;
}

/** HTML's own images and videos, by the edits that take their tags out of the text. */
function readElement(source: string, edit: Edit): Span[] {
  const tag = /^<(img|video)\b((?:[^>"']|"[^"]*"|'[^']*')*)/i.exec(
    source.slice(edit.start, Math.min(edit.end, edit.start + 4_000)),
  );
  const attributes = readAttributes(tag?.[2] ?? "");
  const url = attributes.get("src");
  if (tag === null || url === undefined || isUnseen(attributes)) return [];
  const as = tag[1]?.toLowerCase() === "img" ? "image" : "video";
  return [{ start: edit.start, end: edit.end, url, as }];
}

/** Smaller than this, px, nobody sees a picture. */
const minSize = 4;

function isUnseen(attributes: ReadonlyMap<string, string>): boolean {
  if (attributes.has("hidden")) return true;
  return ["width", "height"].some((name) => {
    const size = /^\s*(\d+(?:\.\d+)?)/.exec(attributes.get(name) ?? "")?.[1];
    return size !== undefined && Number(size) < minSize;
  });
}

/** By name in lower case; of two with one name a browser takes the first. */
function readAttributes(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  const pattern = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?|"[^"]*"|'[^']*'/g;
  for (const [, name, double, single, bare] of text.matchAll(pattern)) {
    const key = name?.toLowerCase();
    if (key === undefined || attributes.has(key)) continue;
    attributes.set(key, (double ?? single ?? bare ?? "").trim().replaceAll("&amp;", "&"));
  }
  return attributes;
}
