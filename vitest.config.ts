import { defineConfig } from "vitest/config";

/** Stories that take minutes of a small machine; `npm run test:slow`. */
const slow = [
  "test/billing/storm.test.ts",
  "test/flow/conversations.test.ts",
  "test/flow/lifecycle.test.ts",
  "test/flow/resume.test.ts",
  "test/flow/sandbox-gone.test.ts",
  "test/flow/sandbox-resume.test.ts",
  "test/flow/secrets.test.ts",
  "test/flow/stop-phases.test.ts",
  "test/flow/tests-run.test.ts",
  "test/flow/worker-killed.test.ts",
  "test/injection/corpus.test.ts",
  "test/webhooks/order.test.ts",
];

export default defineConfig({
  test: {
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 3,
    // A test that passes only the second time is named at the end of the run: it is a bug, of the test or of the product.
    retry: process.env.CI === undefined ? 0 : 1,
    projects: [
      { extends: true, test: { name: "main", include: ["test/**/*.test.ts"], exclude: slow } },
      { extends: true, test: { name: "slow", include: slow } },
    ],
  },
});
