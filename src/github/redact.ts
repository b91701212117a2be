import { stripInvisible } from "./strip-invisible.ts";
import { tokenPatterns } from "./token-patterns.ts";

/** Takes the secrets out of a text; linear in its length. */
export type Redactor = (text: string) => string;

const replacement = "[redacted]";
/** Any piece of a secret this long is the secret: who wants to smuggle it out cuts some characters off. */
const window = 12;
const minSecret = 8;

/**
 * A redactor for exact secrets in every form in which they could be passed on (as they are, reversed, base64 and
 * base64url at each alignment, hex, percent and JSON escapes; any 12 characters of these), and for everything that
 * looks like a credential. Give it values, not whole URLs: ordinary words within would go as well. Secrets shorter
 * than 8 characters are ignored for the same reason.
 */
export function createRedactor(secrets: readonly string[]): Redactor {
  const windows = new Set<string>();
  const short = new Set<string>();
  for (const secret of secrets.flatMap(partsOf)) {
    for (const form of formsOf(secret)) {
      if (form.length < window) short.add(form);
      for (let at = 0; at + window <= form.length; at++) windows.add(form.slice(at, at + window));
    }
  }
  const find = createFinder(windows);
  const redact = (text: string): string => redactShort(redactWindows(redactPatterns(text), find), short);
  return (text) => {
    const bare = stripInvisible(text).text;
    // Invisible characters between its letters would carry a secret past us, and be gone where it is shown.
    if (bare !== text && redact(bare) !== bare) return redact(bare);
    return redact(text);
  };
}

/** The lines of a PEM file, without those that every such file has. */
function partsOf(secret: string): string[] {
  const lines = secret.split(/\r\n|\n|\\n|-----[A-Z0-9 ]+-----/).map((line) => line.trim());
  return (secret.includes("-----BEGIN ") ? lines : [secret]).filter((part) => part.length >= minSecret);
}

/** Tells whether a window begins at a position; three of its characters rule out nearly all of them cheaply. */
function createFinder(windows: ReadonlySet<string>): (text: string, at: number) => boolean {
  const seen = new Uint8Array(65_536);
  const hash = (text: string, at: number): number =>
    (text.charCodeAt(at) * 961 + text.charCodeAt(at + 5) * 31 + text.charCodeAt(at + window - 1)) & 0xffff;
  for (const value of windows) seen[hash(value, 0)] = 1;
  return (text, at) => seen[hash(text, at)] === 1 && windows.has(text.slice(at, at + window));
}

/** Runs of windows that touch are one secret. */
function redactWindows(text: string, find: (text: string, at: number) => boolean): string {
  const parts: string[] = [];
  let end = 0;
  for (let at = 0; at + window <= text.length; at++) {
    if (!find(text, at)) continue;
    if (at > end || parts.length === 0) parts.push(text.slice(end, at), replacement);
    end = at + window;
  }
  return parts.join("") + text.slice(end);
}

function redactShort(text: string, short: ReadonlySet<string>): string {
  return [...short].reduce((left, form) => left.replaceAll(form, replacement), text);
}

function redactPatterns(text: string): string {
  return tokenPatterns.reduce((left, pattern) => left.replaceAll(pattern, replacement), text);
}

function formsOf(secret: string): Set<string> {
  const plain = [secret, Array.from(secret).toReversed().join("")];
  return new Set(
    plain.flatMap((value) => {
      const bytes = Buffer.from(value, "utf8");
      const hex = bytes.toString("hex");
      const percent = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
      return [
        value,
        JSON.stringify(value).slice(1, -1),
        encodeURIComponent(value.toWellFormed()),
        percent,
        percent.toUpperCase(),
        hex,
        hex.toUpperCase(),
        ...base64Forms(bytes),
      ];
    }),
  );
}

/** Within a longer text a secret may begin at each of three alignments; the characters that mix with neighbours are cut. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
    const start = shift === 0 ? 0 : shift + 1;
    const usable = Math.floor((padded.length * 8) / 6);
    const base64 = padded.toString("base64").slice(start, usable);
    return [base64, base64.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
