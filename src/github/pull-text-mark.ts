import { createHash } from "node:crypto";
import { findMark, mark } from "./mark.ts";

export type PullText = { title: string; body: string };

/** Which of a pull request's texts stand as we wrote them. */
export type PullTextOwner = { title: boolean; body: boolean };

const lastMark = /\n*<!-- remote-claude:[^\n]* -->\s*$/;

/**
 * Ends a body of ours with the mark `pull-request:<task>:<title's digest>:<body's digest>`, by which a person's edit shows.
 * `ownTitle`: the title that we last wrote, where a person has another one by now.
 */
export function signPullText(
  taskId: string,
  { title, body }: PullText,
  ownTitle: string = digest(title),
): string {
  const words = body.replace(lastMark, "");
  return `${words}\n\n${mark("pull-request", `${taskId}:${ownTitle}:${digest(words)}`)}`;
}

/** Holds the texts against the mark; nothing of a body without our mark is ours. */
export function whoseText({ title, body }: PullText): PullTextOwner & { titleDigest: string } {
  const found = findMark(body);
  const [, ofTitle = "", ofBody] = found?.kind === "pull-request" ? found.key.split(":") : [];
  return {
    title: ofTitle === digest(title),
    body: ofBody === digest(body.replace(lastMark, "")),
    titleDigest: ofTitle,
  };
}

/** GitHub's editor writes lines with CRLF. */
function digest(text: string): string {
  const plain = text.replaceAll("\r\n", "\n").trim();
  return createHash("sha256").update(plain).digest("hex").slice(0, 12);
}
