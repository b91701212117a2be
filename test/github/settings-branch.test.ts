import fc from "fast-check";
import { expect, test } from "vitest";
import { isBranchName } from "../../src/github/branch-name.ts";
import {
  branchFromTemplate,
  defaultBranchTemplate,
  isBranchTemplate,
} from "../../src/github/settings-branch.ts";

const branch = { issueNumber: 12, title: "Größe: fix `the` table" };

test.each([
  [defaultBranchTemplate, "claude/12-grosse-fix-the-table"],
  ["claude/{issue}", "claude/12"],
  ["claude/bot/JIRA-{issue}/{slug}", "claude/bot/JIRA-12/grosse-fix-the-table"],
])("%s gives %s", (template, name) => {
  expect(isBranchTemplate(template)).toBe(true);
  expect(branchFromTemplate({ ...branch, template })).toBe(name);
  expect(branchFromTemplate({ ...branch, template, suffix: 2 })).toBe(`${name}-2`);
});

test.each([
  "",
  "claude/",
  "{issue}",
  "feature/{issue}",
  "Claude/{issue}",
  "claude/{slug}",
  "claude/{issue}-{user}",
  "claude/{issue}-{",
  "claude/../{issue}",
  "claude/{issue}/",
  "claude/{issue} x",
  "claude/{issue}.lock",
  "claude//{issue}",
  "claude/{issue}~1",
  `claude/{issue}-${"x".repeat(120)}`,
  "claude/{slug}{slug}{slug}{slug}{slug}{slug}{issue}",
])("%j is no template", (template) => {
  expect(isBranchTemplate(template)).toBe(false);
  expect(() => branchFromTemplate({ ...branch, template })).toThrow("expected a branch template");
});

test("whatever the title, the branch is one of ours", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.integer({ min: 1, max: 9_999_999 }),
      (title, issueNumber) => {
        const name = branchFromTemplate({ template: "claude/x/{slug}/{issue}", title, issueNumber });
        expect(isBranchName(name) && name.startsWith("claude/")).toBe(true);
      },
    ),
  );
});
