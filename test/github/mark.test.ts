import fc from "fast-check";
import { expect, test } from "vitest";
import { findMark, mark } from "../../src/github/mark.ts";

test("a mark is found again on the last line, and only there", () => {
  const text = mark("task", "0192f0c1-1111-7000-8000-000000000000");
  expect(text).toBe("<!-- remote-claude:task:0192f0c1-1111-7000-8000-000000000000 -->");
  const found = { kind: "task", key: "0192f0c1-1111-7000-8000-000000000000" };
  expect(findMark(text)).toEqual(found);
  expect(findMark(`words\r\n\r\n${text}\r\n`)).toEqual(found);
  expect(findMark(`${text}\nmore`)).toBeNull();
  expect(findMark(`words ${text}`)).toBeNull();
  expect(findMark("")).toBeNull();
});

test.each([
  ["Task", "1"],
  ["task", ""],
  ["task", "a b"],
  ["task", "a-->b"],
  ["task", "a--b"],
  ["task", "-a"],
])("what could not be found again is refused: %j %j", (kind, key) => {
  expect(() => mark(kind, key)).toThrow(RangeError);
});

test("whatever is accepted is found", () => {
  const part = fc.constantFrom("a", "Z", "1", "-", ".", ":", "/", "_");
  const key = fc.array(part, { minLength: 1, maxLength: 60 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(key, (value) => {
      let text: string;
      try {
        text = mark("reply", value);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        return;
      }
      expect(findMark(`a\n${text}`)).toEqual({ kind: "reply", key: value });
    }),
  );
});

test("looking for a mark takes no time", () => {
  const since = performance.now();
  findMark(`${" ".repeat(100_000)}<!-- remote-claude:`.repeat(10));
  expect(performance.now() - since).toBeLessThan(50);
});
