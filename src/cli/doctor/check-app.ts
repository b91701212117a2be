import type { GitHubApp } from "../../config.ts";
import { missingPermissions, type AppManifest } from "../../web/app-manifest.ts";
import { fail, ok, warn, type CheckResult } from "./check.ts";
import type { AppFacts } from "./read-app.ts";

/** What the bot cannot work without; the rest of app.yml is for parts that do without it. A test holds it to the code. */
export const neededPermissions = {
  metadata: "read",
  issues: "write",
  pull_requests: "write",
  contents: "write",
  checks: "read",
  actions: "read",
  statuses: "read",
} as const;

/** The events without which nothing starts or ends. A test holds it to src/app.ts. */
export const neededEvents = [
  "issue_comment",
  "issues",
  "pull_request",
  "pull_request_review",
  "pull_request_review_comment",
  "check_suite",
  "status",
  "repository",
] as const;

/** Whether APP_ID and PRIVATE_KEY belong together, which GitHub has just shown. */
export function checkCredentials(app: GitHubApp, facts: AppFacts): CheckResult {
  if (facts.id !== app.id) {
    return fail(`APP_ID is ${app.id}, but the key belongs to App ${facts.id}`, `Set APP_ID=${facts.id}.`);
  }
  return ok(`“${facts.name}” (${facts.slug}, App ${facts.id}) accepts the private key`);
}

/** Compares what the App asks of its installations with app.yml. */
export function checkPermissions(manifest: AppManifest, facts: AppFacts): CheckResult {
  const permissions = missingPermissions(manifest.default_permissions, facts.permissions);
  const events = manifest.default_events.filter((event) => !facts.events.includes(event));
  const excess = missingPermissions(facts.permissions, manifest.default_permissions);
  const lines = [
    ...(permissions.length === 0 ? [] : [`lacks the permissions ${permissions.join(", ")}`]),
    ...(events.length === 0 ? [] : [`does not get the events ${events.join(", ")}`]),
    ...(excess.length === 0 ? [] : [`has permissions that nothing needs: ${excess.join(", ")}`]),
  ];
  if (lines.length === 0) return ok("the App asks for exactly what app.yml names");
  const broken =
    missingPermissions(neededPermissions, facts.permissions).length > 0 ||
    neededEvents.some((event) => !facts.events.includes(event));
  return (broken ? fail : warn)(
    `the App ${lines.join("; ")}`,
    `Change it at ${facts.settingsUrl}/permissions; each installation then has to accept what is new.`,
  );
}
