import { expect, test } from "vitest";
import { createRedactor } from "../../src/github/redact.ts";

/** Its bytes have letters in hex, so that small and capital forms differ in each of their windows. */
const letters = "jklmnozJKLMNOZ";
/** Its base64 has both characters that base64url writes otherwise. */
const marks = "~~??>>~~??>>~~??>>";
const percent = (text: string) =>
  Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

test.each([
  ["a secret shorter than a window", "s3cr3tK9", "s3cr3tK9"],
  ["percent escapes", letters, percent(letters)],
  ["percent escapes in capitals", letters, percent(letters).toUpperCase()],
  ["base64url", marks, Buffer.from(marks).toString("base64url")],
])("%s", (_what, secret, form) => {
  expect(createRedactor([secret])(`before ${form} after`)).not.toContain(form);
});
