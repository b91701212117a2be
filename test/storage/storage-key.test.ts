import { expect, test } from "vitest";
import { checkStorageKey, isStorageKey, keyStart } from "../../src/storage/storage-key.ts";

test.each(["a", "0", "-", "sessions/12/turn-3", "a/b/c/d/e", `${"a".repeat(99)}/${"b".repeat(100)}`])(
  "%j is a key",
  (key) => {
    expect(isStorageKey(key)).toBe(true);
    expect(() => checkStorageKey(key)).not.toThrow();
  },
);

const noKeys = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "../a",
  "a/../b",
  "a/./b",
  "a.b",
  ".part-0",
  "A",
  "a_b",
  "a b",
  "a\n",
  "\na",
  "a\0b",
  "a\\b",
  "a%2fb",
  "a+b",
  "a?b",
  "a#b",
  "ä",
  "a".repeat(201),
];

test.each(noKeys)("%j is none", (key) => {
  expect(isStorageKey(key)).toBe(false);
  expect(() => checkStorageKey(key)).toThrow(TypeError);
});

test("a prefix is a key or empty, and names whole parts of keys", () => {
  expect(keyStart("")).toBe("");
  expect(keyStart("sessions/1")).toBe("sessions/1/");
  for (const key of noKeys.slice(1)) expect(() => keyStart(key)).toThrow(TypeError);
});
