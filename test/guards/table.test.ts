import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { guards } from "./guards.ts";

const root = join(import.meta.dirname, "../..");

test("each guard has a name of its own", () => {
  expect(new Set(guards.map(({ name }) => name)).size).toBe(guards.length);
});

test.each(guards)("$group: $name stands in its file once, and its tests exist", (guard) => {
  const text = readFileSync(join(root, guard.file), "utf8");
  expect(text.split(guard.source)).toHaveLength(2);
  expect(guard.without).not.toBe(guard.source);
  for (const file of guard.tests) expect(existsSync(join(root, file)), file).toBe(true);
});
