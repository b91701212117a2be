import { numberOf, page } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { linkLog } from "./checks-log.ts";
import { latestRuns } from "./checks-suites.ts";
import { jobFacts, workflowRunFacts } from "./facts-actions.ts";
import { HttpError, notFound } from "./http-error.ts";
import { text } from "./json.ts";
import type { CheckRun, CheckSuite, Repository } from "./state.ts";
import { accountById } from "./world.ts";
import type { World } from "./world.ts";

/** Workflow runs, which are suites of GitHub Actions, and their jobs, which are its check runs. */
export const actionsHandlers: Record<string, RepositoryHandler> = {
  "actions/list-workflow-runs-for-repo": listWorkflowRuns,
  "actions/list-jobs-for-workflow-run": (world, call) => {
    const { repository, query } = call;
    const suite = repository.checks.suites.find(({ workflow }) => workflow?.id === numberOf(call, "run_id"));
    if (suite === undefined) throw notFound();
    const all = repository.checkRuns.filter(({ suiteId }) => suiteId === suite.id);
    const items = query["filter"] === "all" ? all : latestRuns(repository, suite);
    return page(world, call, { items, facts: (run) => jobFacts(world, repository, run), wrap: "jobs" });
  },
  "actions/get-job-for-workflow-run": (world, call) => ({
    status: 200,
    facts: jobFacts(world, call.repository, jobOf(call)),
  }),
  "actions/download-job-logs-for-workflow-run": (world, call) => {
    const job = jobOf(call);
    if (job.log === null) throw notFound();
    if (job.log.isExpired) throw new HttpError(410, "Gone");
    const headers = { location: linkLog(world, job, job.log) };
    return { status: 302, raw: { type: "text/html;charset=utf-8", data: "" }, headers };
  },
};

/** Newest first. The filter `created` is not modelled. */
function listWorkflowRuns(world: World, call: RepositoryCall): Answer {
  const { repository, query } = call;
  if (query["created"] !== undefined) {
    world.violations.push("unmodelled query: created of actions/list-workflow-runs-for-repo");
    throw new HttpError(501, "The GitHub stand-in does not model the query created.");
  }
  const items = repository.checks.suites
    .filter(({ workflow }) => workflow !== null)
    .filter((suite) => fits(world, { repository, suite, query }))
    .toReversed();
  return page(world, call, {
    items,
    facts: (suite) => workflowRunFacts(world, repository, suite),
    wrap: "workflow_runs",
  });
}

function fits(
  world: World,
  input: { repository: Repository; suite: CheckSuite; query: RepositoryCall["query"] },
): boolean {
  const { repository, suite, query } = input;
  const facts = workflowRunFacts(world, repository, suite);
  const actor = accountById(world, suite.workflow?.actorId ?? 0).login;
  const wanted = text(query["status"]);
  const equal = (name: string, value: unknown): boolean => query[name] === undefined || query[name] === value;
  return (
    equal("head_sha", suite.headSha) &&
    equal("branch", suite.headBranch) &&
    equal("check_suite_id", suite.id) &&
    equal("event", facts["event"]) &&
    equal("actor", actor) &&
    (wanted === undefined || wanted === facts["status"] || wanted === facts["conclusion"])
  );
}

function jobOf({ repository, params }: RepositoryCall): CheckRun {
  const run = repository.checkRuns.find(({ id }) => id === Number(params["job_id"]));
  const suite = repository.checks.suites.find(({ id }) => id === run?.suiteId);
  if (run === undefined || !suite?.workflow) throw notFound();
  return run;
}
