import { expect, test } from "vitest";
import { hasRoleOf, mayWrite, type Access } from "../../src/github/thread.ts";

type Listed = "write" | "maintain" | "admin";

test.each<[access: Access, listed: Listed[], has: boolean]>([
  [{ role: "admin", name: "admin" }, ["admin"], true],
  [{ role: "admin", name: "admin" }, ["write", "maintain"], false],
  [{ role: "write", name: "maintain" }, ["maintain"], true],
  [{ role: "write", name: "maintain" }, ["write", "admin"], false],
  [{ role: "write", name: "write" }, ["write"], true],
  [{ role: "write", name: "write" }, ["maintain", "admin"], false],
  [{ role: "write", name: "release-manager" }, ["write"], true],
  [{ role: "write", name: null }, ["maintain"], false],
  [{ role: "read", name: "maintain" }, ["write", "maintain", "admin"], false],
  [{ role: "read", name: "triage" }, ["write", "maintain", "admin"], false],
  [{ role: "none", name: null }, ["write"], false],
  [{ role: "unknown", name: "admin" }, ["write", "maintain", "admin"], false],
])("%o under %o: %s", (access, listed, has) => {
  expect(hasRoleOf(access, listed)).toBe(has);
});

test("who may write", () => {
  const roles = ["admin", "write", "read", "none", "unknown"] as const;
  expect(roles.filter(mayWrite)).toEqual(["admin", "write"]);
});
