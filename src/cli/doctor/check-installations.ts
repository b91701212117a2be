import { z } from "zod";
import { toGitHubError } from "../../github/github-error.ts";
import { missingPermissions, type AppManifest } from "../../web/app-manifest.ts";
import { ok, warn, type CheckResult } from "./check.ts";
import type { AppFacts } from "./read-app.ts";

const installations = z.array(
  z.object({
    html_url: z.string(),
    account: z.object({ login: z.string(), type: z.string().optional() }),
    repository_selection: z.string(),
    suspended_at: z.string().nullable().default(null),
    permissions: z.record(z.string(), z.string()),
  }),
);

type Installation = z.infer<typeof installations>[number];

/** Where the App is installed, and what those who installed it have yet to accept. */
export async function checkInstallations(manifest: AppManifest, facts: AppFacts): Promise<CheckResult> {
  const answer = await facts.octokit
    .paginate("GET /app/installations", { per_page: 100 })
    .catch((error: unknown) => {
      throw toGitHubError(error, "listing the App's installations");
    });
  const found = installations.parse(answer);
  if (found.length === 0) {
    return warn("the App is installed nowhere", `Install it at ${facts.htmlUrl}/installations/new.`);
  }
  const open = found.flatMap((installation) => {
    const missing = missingFor(manifest, installation);
    return missing.length === 0
      ? []
      : [`${installation.account.login} ${missing.join(", ")} at ${installation.html_url}`];
  });
  const suspended = found.filter(({ suspended_at }) => suspended_at !== null);
  const detail = found.map(describe).join(", ");
  const remedies = [
    ...(open.length === 0 ? [] : [`To be accepted: ${open.join("; ")}.`]),
    ...suspended.map(
      ({ account, html_url }) => `${account.login} has suspended it; unsuspend at ${html_url}.`,
    ),
  ];
  return remedies.length === 0 ? ok(detail) : warn(detail, remedies.join("\n"));
}

function describe({
  account,
  repository_selection: selection,
  suspended_at: suspendedAt,
}: Installation): string {
  const scope = selection === "all" ? "all repositories" : "selected repositories";
  return `${account.login} (${scope}${suspendedAt === null ? "" : ", suspended"})`;
}

/** A person's account has no members, so the permission is never granted there. */
function missingFor(manifest: AppManifest, { account, permissions }: Installation): string[] {
  const { members, ...others } = manifest.default_permissions;
  const wanted = account.type === "User" || members === undefined ? others : { ...others, members };
  return missingPermissions(wanted, permissions);
}
