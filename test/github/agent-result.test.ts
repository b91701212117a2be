import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAgentResult } from "../../src/github/agent-result.ts";

const head = "Mend the widgets\n\n## Summary\nThey turn.\n\n";

describe("what is said of a review thread", () => {
  test.each([
    ["done", "done", ""],
    ["Done.", "done", ""],
    ["**done**", "done", ""],
    ["`done`", "done", ""],
    ["done: renamed it", "done", "renamed it"],
    ["**Done:** renamed `it`", "done", "renamed `it`"],
    ["- done", "done", ""],
    ["Done – as you said", "done", "as you said"],
    ["not done: it breaks the API", "not-done", "it breaks the API"],
    ["**Not done**: it breaks", "not-done", "it breaks"],
    ["not-done: no", "not-done", "no"],
    ["question: which of the two?", "question", "which of the two?"],
    ["done except for the tests", null, "done except for the tests"],
    ["I did it", null, "I did it"],
    ["donec eget", null, "donec eget"],
    ["", null, ""],
  ])("%s", (line, verdict, text) => {
    const { threads, summary } = parseAgentResult(`${head}## Thread 101\n${line}\n`);
    expect(threads).toEqual([{ commentId: 101, verdict, text }]);
    expect(summary).toBe("They turn.");
  });

  test("more words below the verdict belong to it, with headings of their own", () => {
    const { threads } = parseAgentResult(
      `${head}## Thread 7\n\ndone\n\nMore.\n\n### What changed\nx\n\n## Why\nw`,
    );
    expect(threads).toEqual([{ commentId: 7, verdict: "done", text: "More.\n\n### What changed\nx" }]);
  });

  test("two sections that say different things say nothing", () => {
    const twice = (second: string) =>
      parseAgentResult(`${head}## Thread 7\ndone: a\n## Thread 7\n${second}`).threads;
    expect(twice("not done: b")).toEqual([{ commentId: 7, verdict: null, text: "a\n\nb" }]);
    expect(twice("done: b")).toEqual([{ commentId: 7, verdict: "done", text: "a\n\nb" }]);
  });

  test("a heading inside a block of code is none", () => {
    expect(parseAgentResult(`${head}\`\`\`\n## Thread 7\ndone\n\`\`\`\n`).threads).toEqual([]);
  });
});

test("questions and contradictions", () => {
  const result = parseAgentResult(
    `${head}## Questions\n- [ ] Which one?\n  - a\n  - b\n\n## Contradictions\n- Thread 1 and Thread 2: opposite\n- Threads 3, 4: too\n- Thread #5 and the issue: also\n`,
  );
  expect(result.questions).toBe("- [ ] Which one?\n  - a\n  - b");
  expect(result.contradictions).toEqual([
    { threadIds: [1, 2], text: "Thread 1 and Thread 2: opposite" },
    { threadIds: [3, 4], text: "Threads 3, 4: too" },
    { threadIds: [5], text: "Thread #5 and the issue: also" },
  ]);
  expect(result.summary).toBe("They turn.");
});

test("a contradiction without a list is one", () => {
  const { contradictions } = parseAgentResult(
    `${head}## Contradictions\nThread 1 wants x, Thread 2 wants y.`,
  );
  expect(contradictions).toEqual([{ threadIds: [1, 2], text: "Thread 1 wants x, Thread 2 wants y." }]);
});

test("any text is read, and quickly", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(fc.string(), fc.constantFrom("\n## Thread 1\n", "\n## Questions\n", "\ndone: ", "\n- [ ] ")),
      ),
      (parts) => {
        const { threads } = parseAgentResult(parts.join(""));
        for (const { commentId } of threads) expect(Number.isSafeInteger(commentId)).toBe(true);
      },
    ),
  );
  const since = performance.now();
  parseAgentResult(`${head}${"## Thread 1\ndone\n".repeat(4_000)}`);
  parseAgentResult(`${head}## Thread 1\n${"*".repeat(60_000)}`);
  expect(performance.now() - since).toBeLessThan(3_000);
});
