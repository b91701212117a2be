import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { branchName, isBranchName } from "../../src/github/branch-name.ts";

const run = promisify(execFile);

/** git's own opinion. Exit code 1 is a no; anything else is a fault of the test. */
async function gitAccepts(name: string): Promise<boolean> {
  try {
    await run("git", ["check-ref-format", "--branch", name]);
    return true;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === 1 || code === 128) return false;
    throw error;
  }
}

describe("branchName", () => {
  test.each([
    ["Flaky login test", "claude/12-flaky-login-test"],
    ["  Don't crash: `foo()` & <bar> ", "claude/12-dont-crash-foo-bar"],
    ["Ärger mit Größe, œuvre & Łódź", "claude/12-arger-mit-grosse-oeuvre-lodz"],
    ["🎉🎉", "claude/12-task"],
    ["修复登录", "claude/12-task"],
    ["", "claude/12-task"],
    ["--upload-pack=x; $(id) ../.. a.lock", "claude/12-upload-pack-x-id-a-lock"],
    ["a".repeat(100), `claude/12-${"a".repeat(40)}`],
    ["one two three four five six seven eight nine ten", "claude/12-one-two-three-four-five-six-seven-eight"],
  ])("%j", (title, name) => {
    expect(branchName({ issueNumber: 12, title })).toBe(name);
  });

  test("a suffix comes last", () => {
    expect(branchName({ issueNumber: 1, title: "x", suffix: 2 })).toBe("claude/1-x-2");
  });

  const titles = fc.string({ unit: "binary", maxLength: 300 });

  test("is always of the same harmless shape", () => {
    fc.assert(
      fc.property(titles, fc.integer({ min: 1, max: 1_000_000_000 }), (title, issueNumber) => {
        const name = branchName({ issueNumber, title });
        expect(name).toMatch(/^claude\/\d+-[a-z0-9]+(?:-[a-z0-9]+)*$/);
        expect(name.length).toBeLessThanOrEqual(58);
        expect(isBranchName(name)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("pleases git", async () => {
    for (const title of fc.sample(titles, { numRuns: 20, seed: 1 })) {
      expect(await gitAccepts(branchName({ issueNumber: 7, title }))).toBe(true);
    }
  });
});

describe("isBranchName", () => {
  test.each([
    "main",
    "release/1.x",
    "feature/äöü",
    "a@b",
    "v1.0",
    "x#1",
    "a..b",
    "a b",
    "-x",
    "a/",
    "/a",
    "a//b",
    ".a",
    "a/.b",
    "a.lock",
    "a.lock/b",
    "a.",
    "a~1",
    "a^",
    "a:b",
    "a?",
    "a*",
    "a[b",
    "a\\b",
    "a@{b",
    "HEAD",
    "",
  ])("%j as git has it", async (name) => {
    expect(isBranchName(name)).toBe(await gitAccepts(name));
  });

  test.each(["a\u3000b", "a\u200Bb", "a\u202Eb", "a\0b", "a\nb", "a\uD800", "x".repeat(245)])(
    "refuses what nobody would see: %j",
    (name) => {
      expect(isBranchName(name)).toBe(false);
    },
  );

  test("accepts nothing that git refuses", async () => {
    const part = fc.constantFrom(
      "a",
      "B",
      "1",
      ".",
      "..",
      "/",
      "//",
      "-",
      "@",
      "{",
      ".lock",
      "~",
      " ",
      "\\",
      "é",
      "*",
      "#",
    );
    const name = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
    const accepted = fc.sample(name.filter(isBranchName), { numRuns: 60, seed: 3 });
    for (const value of new Set(accepted)) expect([value, await gitAccepts(value)]).toEqual([value, true]);
  });
});
