import type { Root, RootContent } from "mdast";
import remarkGfm from "remark-gfm";
import remarkStringify from "remark-stringify";
import { unified } from "unified";
import type { PublicMarkdown } from "./inline-text.ts";
import { isSafeTree } from "./outgoing-check.ts";
import { cleanTree, visit, type CleanOptions } from "./outgoing-tree.ts";
import { parseMarkdown } from "./parse-markdown.ts";
import type { Redactor } from "./redact.ts";
import { stripInvisible } from "./strip-invisible.ts";

export type PublicOptions = {
  /** Hosts that may be linked to, as in `github.com` or `host:port`; every other target is shown as code. */
  allowedHosts: readonly string[];
  /** Default 60,000: GitHub takes 65,536 characters, and the rest of the text is ours. */
  maxBytes?: number;
  /** Logins that may be mentioned. */
  ownMentions?: readonly string[];
  /**
   * Takes secrets out, also those that come about when invisible characters, comments or character references go
   * from between their letters.
   */
  redact?: Redactor;
};

const writer = unified()
  .use(remarkStringify, { bullet: "-", emphasis: "_", fences: true, rule: "-" })
  .use(remarkGfm)
  .freeze();

/**
 * What an agent wrote, as Markdown that is safe to publish: it mentions nobody, closes and loads nothing, links only
 * to `allowedHosts`, holds no HTML and none of our marks, and starts no line with `/claude`.
 * What cannot be made safe as Markdown is shown as a block of code.
 */
export function toPublicMarkdown(text: string, options: PublicOptions): PublicMarkdown {
  const maxBytes = options.maxBytes ?? 60_000;
  const redact = options.redact ?? ((value: string) => value);
  const clean: CleanOptions = {
    redact,
    hosts: new Set(options.allowedHosts.map((host) => host.toLowerCase())),
    mentions: new Set((options.ownMentions ?? []).map((login) => login.toLowerCase())),
  };
  // Nothing behind this can survive the cap in bytes.
  const seen = redactAsSeen(redact(stripInvisible(text.slice(0, maxBytes)).text), redact);
  const cut = text.length > maxBytes;
  const tree = parseMarkdown(seen);
  if (tree === null) return asCode(seen, maxBytes, cut);
  const simple = cleanTree(tree, clean);
  if (isLaborious(simple)) return asCode(seen, maxBytes, cut);
  const written = fit(simple, maxBytes, cut);
  const check = parseMarkdown(written);
  return check !== null && isSafeTree(check, clean)
    ? (written as PublicMarkdown)
    : asCode(seen, maxBytes, cut);
}

/** Without the tags and comments that may stand between the letters of a secret, but only where that brings one about. */
function redactAsSeen(text: string, redact: Redactor): string {
  const bare = text.replaceAll(/<!--[\s\S]{0,2000}?-->|<\/?[a-z][^<>]{0,200}>/gi, "");
  const redacted = redact(bare);
  return redacted === bare ? text : redacted;
}

/** Escaping is quadratic in the marks of a block: measured. A block with this many is a log, and code suits it better. */
function isLaborious(tree: Root): boolean {
  return tree.children.some((block) => {
    let marks = 0;
    visit(block, (node) => {
      if (node.type === "text") marks += node.value.match(/[[\]*_~`<>&\\!#|]/g)?.length ?? 0;
    });
    return marks > 2_000;
  });
}

const truncated = "… truncated";

function stringify(children: RootContent[]): string {
  return writer.stringify({ type: "root", children }).trim();
}

function fit(tree: Root, maxBytes: number, cut: boolean): string {
  const whole = stringify(tree.children);
  if (!cut && Buffer.byteLength(whole) <= maxBytes) return whole;
  const note: RootContent = { type: "paragraph", children: [{ type: "text", value: truncated }] };
  let left = maxBytes - Buffer.byteLength(truncated) - 2;
  const kept: RootContent[] = [];
  for (const block of tree.children) {
    const size = Buffer.byteLength(stringify([block])) + 2;
    if (size > left) {
      kept.push(...shorten(block, left));
      break;
    }
    kept.push(block);
    left -= size;
  }
  return stringify([...kept, note]);
}

/** The beginning of a block that does not fit: code stays code, lists and paragraphs keep what fits, the rest is dropped. */
function shorten(block: RootContent, maxBytes: number): RootContent[] {
  const sizeOf = (part: RootContent): number => Buffer.byteLength(stringify([part])) + 2;
  if (maxBytes < 200) return [];
  if (block.type === "code") return [{ ...block, value: clipBytes(block.value, maxBytes - 100) }];
  if (block.type === "list") {
    const children = fitting(block.children, maxBytes, (item) => sizeOf({ ...block, children: [item] }));
    return children.length === 0 ? [] : [{ ...block, children }];
  }
  if (block.type !== "paragraph") return [];
  const children = fitting(block.children, maxBytes, (child) => sizeOf({ ...block, children: [child] }));
  const next = block.children[children.length];
  const used = children.length === 0 ? 0 : sizeOf({ ...block, children });
  // Escapes may double the length of a text.
  const rest = next?.type === "text" ? clipBytes(next.value, (maxBytes - used) / 2).trimEnd() : "";
  return [{ ...block, children: rest === "" ? children : [...children, { type: "text", value: rest }] }];
}

function fitting<T>(parts: readonly T[], maxBytes: number, sizeOf: (part: T) => number): T[] {
  let left = maxBytes;
  const end = parts.findIndex((part) => (left -= sizeOf(part)) < 0);
  return parts.slice(0, end === -1 ? parts.length : end);
}

/** As a block of code nothing is live, whatever it holds. */
function asCode(text: string, maxBytes: number, cut: boolean): PublicMarkdown {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), (run) => run[0].length));
  const fence = "`".repeat(Math.min(longest + 1, 1_000));
  const body = longest >= 1_000 ? text.replaceAll("`", "'") : text;
  const room = maxBytes - 2 * fence.length - 50;
  const kept = clipBytes(body, room).replace(/[\r\n]+$/, "");
  const note = cut || kept.length < body.trimEnd().length ? `\n\n${truncated}` : "";
  return `${fence}text\n${kept}\n${fence}${note}` as PublicMarkdown;
}

/** At most `maxBytes` of UTF-8, cut between characters. */
export function clipBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = Buffer.from(text, "utf8");
  let end = Math.max(0, Math.floor(maxBytes));
  // Bytes that go on with a character start with the bits 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
