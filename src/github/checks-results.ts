import type { Octokit } from "@octokit/rest";
import { toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

/** One check run, or one word of a commit status. */
export type CheckResult = {
  kind: "run" | "status";
  id: number;
  name: string;
  /** What reports under the same is the same check: suite and name, or the context of a status. */
  identity: string;
  /** The same on every commit: App and name, or the context of a status. */
  across: string;
  /** Null: a commit status. */
  suiteId: number | null;
  appSlug: string | null;
  state: "pending" | "passed" | "failed" | "open";
  conclusion: string;
  url: string | null;
  startedAt: string | null;
  completedAt: string | null;
  output: { title: string; summary: string; text: string; annotations: number };
};

type Where = { repository: RepositoryRef; sha: string; ourAppId: number };

/** More than this is not read; GitHub itself keeps a thousand of a kind. */
const maxPages = 10;

/** What a change of code can mend. Cancelled, stale, and those that want a person's click are nobody's failure. */
const failures: ReadonlySet<string> = new Set(["failure", "timed_out", "startup_failure", "error"]);
const passes: ReadonlySet<string> = new Set(["success", "neutral", "skipped"]);

/** Everything that has ever been reported on a commit, re-runs and overtaken words included, but for the App's own checks. */
export async function readCheckResults(octokit: Octokit, where: Where): Promise<CheckResult[]> {
  const [runs, statuses] = await Promise.all([readRuns(octokit, where), readStatuses(octokit, where)]);
  return [...runs, ...statuses];
}

async function readRuns(octokit: Octokit, { repository, sha, ourAppId }: Where): Promise<CheckResult[]> {
  const found: CheckResult[] = [];
  for (let page = 1; page <= maxPages; page++) {
    const { data } = await octokit.rest.checks
      .listForRef({
        ...{ owner: repository.owner, repo: repository.name, ref: sha },
        ...{ filter: "all", per_page: 100, page },
      })
      .catch((error: unknown) => {
        throw toGitHubError(error, "reading the checks of a commit");
      });
    for (const run of data.check_runs) {
      if (run.app?.id === ourAppId) continue;
      const suiteId = run.check_suite?.id ?? null;
      found.push({
        ...{ kind: "run", id: run.id, name: run.name, suiteId, appSlug: run.app?.slug ?? null },
        identity: `run:${suiteId ?? 0}:${run.name}`,
        across: `run:${run.app?.id ?? 0}:${run.name}`,
        state: run.status === "completed" ? stateOf(run.conclusion ?? "") : "pending",
        conclusion: run.conclusion ?? run.status,
        url: run.html_url,
        ...{ startedAt: run.started_at, completedAt: run.completed_at },
        output: {
          title: run.output.title ?? "",
          summary: run.output.summary ?? "",
          text: run.output.text ?? "",
          annotations: run.output.annotations_count,
        },
      });
    }
    if (data.check_runs.length < 100) break;
  }
  return found;
}

/** Each status is a word of its own; the newest of its context counts. */
async function readStatuses(octokit: Octokit, { repository, sha }: Where): Promise<CheckResult[]> {
  const found: CheckResult[] = [];
  for (let page = 1; page <= maxPages; page++) {
    const { data } = await octokit.rest.repos
      .listCommitStatusesForRef({
        ...{ owner: repository.owner, repo: repository.name, ref: sha },
        ...{ per_page: 100, page },
      })
      .catch((error: unknown) => {
        throw toGitHubError(error, "reading the statuses of a commit");
      });
    for (const status of data) {
      found.push({
        ...{ kind: "status", id: status.id, name: status.context, suiteId: null, appSlug: null },
        ...{ identity: `status:${status.context}`, across: `status:${status.context}` },
        state: status.state === "pending" ? "pending" : stateOf(status.state),
        conclusion: status.state,
        url: status.target_url === "" ? null : status.target_url,
        ...{ startedAt: status.created_at, completedAt: status.created_at },
        output: { title: status.description ?? "", summary: "", text: "", annotations: 0 },
      });
    }
    if (data.length < 100) break;
  }
  return found;
}

function stateOf(conclusion: string): CheckResult["state"] {
  if (failures.has(conclusion)) return "failed";
  return passes.has(conclusion) ? "passed" : "open";
}
