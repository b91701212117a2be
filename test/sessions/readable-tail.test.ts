import { expect, test } from "vitest";
import { createRedactor } from "../../src/github/redact.ts";
import { readableTail } from "../../src/sessions/readable-tail.ts";

const redact = createRedactor(["correct-horse-battery"]);

test.each([
  ["colours", "\u001b[31mred\u001b[0m and \u001b[1;4mbold\u001b[m", "red and bold"],
  ["a title and a link", "\u001b]0;title\u0007\u001b]8;;http://x\u0007text\u001b]8;;\u0007", "text"],
  ["a bar that is drawn again and again", " 1%\r 50%\r100%\ndone\r\n", "100%\ndone"],
  ["control characters", "a\u0000b\u0008c\u007fd\u0085e\tf", "abcde\tf"],
  ["half a colour at its start", "1mred\u001b[0", "1mred"],
  ["spaces at ends", "\n\n  a  \nb\n\n", "a\nb"],
  ["a title without its end", "\u001b]0;title\ntext", "text"],
  ["other sequences", "\u001b(Ba\u001b7b\u001b=c\u009b1md\u001bPx\u001b\\e", "abcde"],
  ["nothing", "", ""],
  ["a secret", "key=correct-horse-battery", "key=[redacted]"],
  ["a secret with a colour in it", "correct-\u001b[31mhorse-battery", "[redacted]"],
  ["a secret with backspaces in it", "correct-\u0008\u0000horse-battery", "[redacted]"],
])("%s", (_what, output, expected) => {
  expect(readableTail(output, redact)).toBe(expected);
});

test("the last forty lines, none of them long", () => {
  const lines = Array.from({ length: 100 }, (_, at) => `line ${at} ${"x".repeat(1_000)}`);
  const tail = readableTail(lines.join("\n"), redact).split("\n");
  expect(tail).toHaveLength(40);
  expect(tail[0]).toMatch(/^line 60 x+…$/);
  expect(Math.max(...tail.map((line) => line.length))).toBe(301);
});

test.each(["\u001b", "\u001b[", "\u001b]", "\u001b]0;", "\u001b[1;", "\r", "\r\n", "\u009b0;"])(
  "32 KiB of %j take little time",
  (part) => {
    const before = process.cpuUsage();
    readableTail(part.repeat(32_768 / part.length), redact);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(500);
  },
);
