/** So that a key fits into one file name, with room for what a file system adds. */
export const maxKeyLength = 200;

const shape = /^[a-z0-9-]+(?:\/[a-z0-9-]+)*$/;

export function isStorageKey(text: string): boolean {
  return text.length <= maxKeyLength && shape.test(text);
}

/** Throws a TypeError for what is no key. */
export function checkStorageKey(key: string): void {
  if (typeof key === "string" && isStorageKey(key)) return;
  throw new TypeError(
    `Expected a storage key of at most ${maxKeyLength} characters like sessions/12/turn-3, got ${JSON.stringify(key)}.`,
  );
}

/** What every key below this one begins with. Throws a TypeError for what is neither a key nor empty. */
export function keyStart(prefix: string): string {
  if (prefix === "") return "";
  checkStorageKey(prefix);
  return `${prefix}/`;
}
