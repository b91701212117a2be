import { expect, test } from "vitest";
import { clip, summariseResult } from "../../src/sessions/agent-summaries.ts";

test("a word that does not fit is left out as a whole, because the beginning of a secret is one as well", () => {
  const token = `rct_${"a".repeat(40)}`;
  for (let before = 1_950; before < 2_000; before++) {
    const said = summariseResult(`${"x ".repeat(before / 2)}KEY=${token} and more words after it`);
    expect(said.includes("rct_") && !said.includes(token)).toBe(false);
    expect(said.length).toBeLessThanOrEqual(2_000);
  }
});

test.each([
  ["short", 10, "short"],
  ["one two three", 8, "one two…"],
  ["one two three", 9, "one two …"],
  ["one two three", 13, "one two three"],
])("%j in %i characters is %j", (text, max, cut) => expect(clip(text, max)).toBe(cut));
