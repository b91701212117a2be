import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Guard } from "./guard.ts";

export type Verdict = "killed" | "survived" | "broken" | "not found";

/** These tests need no PostgreSQL; without it a run takes a third of the time. */
const withoutDatabase: ReadonlySet<string> = new Set([
  "test/github/outgoing-text.test.ts",
  "test/github/redact-forms.test.ts",
  "test/github/redact.test.ts",
  "test/github/thread-roles.test.ts",
  "test/github/token-scope.test.ts",
  "test/gateway/public-address.test.ts",
  "test/tasks/visible-text.test.ts",
  "test/webhooks/business-key.test.ts",
  "test/webhooks/check-head.test.ts",
  "test/webhooks/delivery-kind.test.ts",
  "test/webhooks/read-body.test.ts",
]);

/** Written into the copy, beside vitest.config.ts. */
export const plainConfig = {
  name: "vitest.plain.config.ts",
  text: `export default { test: { include: ["test/**/*.test.ts"], testTimeout: 90_000, pool: "forks", maxWorkers: 2 } };\n`,
};

const report = z.object({ numFailedTests: z.int(), numPassedTests: z.int() });

/** Takes one guard away in the copy at `copy`, runs its tests there, and puts it back. */
export async function tryGuard(guard: Guard, at: { copy: string; databaseUrl: string }): Promise<Verdict> {
  const path = join(at.copy, guard.file);
  const whole = await readFile(path, "utf8");
  const [before, after, more] = whole.split(guard.source);
  if (before === undefined || after === undefined || more !== undefined) return "not found";
  await writeFile(path, `${before}${guard.without}${after}`);
  try {
    const told = await runTests(guard.tests, at);
    // A file that does not even load shows nothing about the guard.
    if (told === null) return "broken";
    if (told.numFailedTests > 0) return "killed";
    return told.numPassedTests > 0 ? "survived" : "broken";
  } finally {
    await writeFile(path, whole);
  }
}

/** Runs test files in the copy up to the first failure; null when there is no report of it. */
export async function runTests(
  files: readonly string[],
  { copy, databaseUrl }: { copy: string; databaseUrl: string },
): Promise<z.infer<typeof report> | null> {
  const output = join(copy, "guard-report.json");
  await rm(output, { force: true });
  const config = files.every((file) => withoutDatabase.has(file)) ? plainConfig.name : "vitest.config.ts";
  const child = spawn(
    process.execPath,
    [
      join(copy, "node_modules/vitest/vitest.mjs"),
      ...["run", "--bail", "1", "--reporter=json", `--outputFile=${output}`, `--config=${config}`, ...files],
    ],
    { cwd: copy, stdio: "ignore", env: { ...process.env, TEST_DATABASE_URL: databaseUrl } },
  );
  await once(child, "exit");
  const text = await readFile(output, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
  return text === null ? null : report.parse(JSON.parse(text));
}
