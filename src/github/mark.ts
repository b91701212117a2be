/** What a text of ours is: the one status comment of a task, a pull request's body, a reply, … */
export type Mark = { kind: string; key: string };

const kindPattern = /^[a-z][a-z-]{0,30}$/;
const keyPattern = /^[A-Za-z0-9][\w.:/-]{0,200}$/;
const lastLine = /(?:^|\n)<!-- remote-claude:([a-z][a-z-]{0,30}):([A-Za-z0-9][\w.:/-]{0,200}) -->\s*$/;

/**
 * The last line of every text that we write, by which it is found again (only among texts of our own App's author id).
 * Throws a RangeError for what could not be found again.
 */
export function mark(kind: string, key: string): string {
  if (!kindPattern.test(kind) || !keyPattern.test(key) || key.includes("--")) {
    throw new RangeError(
      `A mark needs a kind like "task" and a key without spaces or "--", got ${JSON.stringify({ kind, key })}`,
    );
  }
  return `<!-- remote-claude:${kind}:${key} -->`;
}

/** The mark on the last line of a text; null when there is none there. */
export function findMark(body: string): Mark | null {
  const match = lastLine.exec(body.slice(-400));
  const [, kind, key] = match ?? [];
  return kind === undefined || key === undefined ? null : { kind, key };
}
