import fc from "fast-check";
import { expect, test } from "vitest";
import { disarmText } from "../../src/github/disarm-text.ts";
import { toPlainTitle } from "../../src/github/plain-title.ts";

test.each([
  ["hi @bob and @org/team", "hi bob and org/team"],
  ["@@bob @@@bob", "bob bob"],
  ["fixes #1", "fixes "],
  ["Fixes: #1 #2", "Fixes "],
  ["closes `acme/web#2` and resolves **GH-3**", "closes ` and resolves **"],
  ["fix\n#1", "fix "],
  ["fixes https://github.com/a/b/issues/1", "fixes "],
  ["see #4", "see #4"],
  ["a @ b", "a @ b"],
])("%j", (text, disarmed) => {
  expect(disarmText(text)).toBe(disarmed);
});

test("nothing in a title or a text mentions or closes, whatever was taken out of it, and a second time changes nothing", () => {
  const part = fc.constantFrom(
    "@",
    "bob",
    "fix",
    "es ",
    "closes",
    ":",
    " ",
    "#1",
    "a/b",
    "`",
    "**",
    "<",
    ">",
    "(",
    ")",
    "GH-2",
    "\u200B",
    "\n",
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 16 }),
      fc.constantFrom(disarmText, toPlainTitle),
      (parts, render) => {
        const text = render(parts.join(""));
        if (render === disarmText) expect(render(text)).toBe(text);
        expect(text).not.toMatch(/@\w/);
        expect(text).not.toMatch(
          /(?<![a-z0-9])(?:close[sd]?|fix(?:e[sd])?)[:\s]+(?:[\w.-]+\/[\w.-]+)?(?:#|GH-)\d/i,
        );
      },
    ),
    { numRuns: 2_000 },
  );
});
