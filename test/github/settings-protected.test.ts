import { expect, test } from "vitest";
import { isProtected, isProtectedPattern } from "../../src/github/settings-protected.ts";

test.each([
  ["infra/main.tf", "infra/"],
  ["infra/a/b.tf", "infra"],
  ["infra/a/b.tf", "/infra"],
  ["infra/a/b.tf", "infra/**"],
  ["Infra/A.tf", "infra/"],
  ["package-lock.json", "*.json"],
  ["deep/down/Cargo.lock", "*.lock"],
  ["a/b/secrets/x", "secrets"],
  ["a/.env", "**/.env"],
  [".env", "**/.env"],
  [".github/CODEOWNERS", ".github/"],
  ["a/x/b/c.yml", "a/**/c.yml"],
  ["a/c.yml", "a/**/c.yml"],
  ["v1.sql", "v?.sql"],
  ["app/[slug]/page.tsx", "app/[slug]/page.tsx"],
  ["app/{a,b}", "app/{a,b}"],
  ["+(x)", "+(x)"],
  ["#notes", "#notes"],
  ["ＩＮＦＲＡ/x", "infra/"],
  ["in\u200dfra/x", "infra/"],
  // A file or a link there would hide the folder.
  ["infra", "infra/prod/*.tf"],
  ["infra/prod", "infra/prod/*.tf"],
  ["infra/prod", "infra/prod/**"],
])("%s is protected by %s", (path, pattern) => {
  expect(isProtectedPattern(pattern)).toBe(true);
  expect(isProtected(path, ["other/", pattern])).toBe(true);
});

test.each([
  ["src/infra.ts", "infra/"],
  ["lib/infra/x", "/infra"],
  ["infrared/x", "infra"],
  ["app/s/page.tsx", "app/[slug]/page.tsx"],
  ["app/a", "app/{a,b}"],
  ["src", "**/secrets.yml"],
  ["a/c.yaml", "a/**/c.yml"],
  ["a/b/c", "a/*.c"],
])("%s is not protected by %s", (path, pattern) => {
  expect(isProtectedPattern(pattern)).toBe(true);
  expect(isProtected(path, [pattern])).toBe(false);
});

test("no pattern protects nothing", () => {
  expect(isProtected("a", [])).toBe(false);
});

test.each([
  "",
  "/",
  "!a",
  "a//b",
  "../a",
  "a/./b",
  "a\\b",
  "a\nb",
  "a**b",
  "*a*b*c",
  "**/a/**/b/**/c/**",
  "x".repeat(201),
])("%j is no pattern", (pattern) => {
  expect(isProtectedPattern(pattern)).toBe(false);
});

test("the worst pattern there is takes little time on a long path", () => {
  const pattern = "**/*a*/**/*a*/**/*a*b";
  expect(isProtectedPattern("**/*a*/**/*a*/**/*ab")).toBe(true);
  const path = Array.from({ length: 40 }, () => "a".repeat(100)).join("/");
  const before = process.cpuUsage();
  for (let n = 0; n < 20; n++) isProtected(path, ["**/*a*/**/*a*/**/*ab", pattern]);
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_000);
});
