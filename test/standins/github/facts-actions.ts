import { checkFacts } from "./facts-checks.ts";
import { suiteFacts, suiteOf, suiteState } from "./checks-suites.ts";
import { accountFactsById, nodeId } from "./facts.ts";
import { repositoryFacts } from "./facts-repository.ts";
import { text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { CheckRun, CheckSuite, Repository } from "./state.ts";
import { fullName, must } from "./world.ts";
import type { World } from "./world.ts";

/** A run of a workflow; the suite must be one of GitHub Actions. */
export function workflowRunFacts(world: World, repository: Repository, suite: CheckSuite): JsonObject {
  const workflow = must(suite.workflow, `workflow of check suite ${suite.id}`);
  const name = fullName(world, repository);
  const api = `${world.apiUrl}/repos/${name}/actions`;
  const url = `${api}/runs/${workflow.id}`;
  const shown = suiteFacts(world, repository, suite);
  const attempts = repository.checkRuns.filter(({ suiteId }) => suiteId === suite.id);
  const actor = accountFactsById(world, workflow.actorId);
  const isPull = Array.isArray(shown["pull_requests"]) && shown["pull_requests"].length > 0;
  return {
    id: workflow.id,
    name: workflow.name,
    node_id: nodeId("WFR", workflow.id),
    check_suite_id: suite.id,
    check_suite_node_id: shown["node_id"],
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    path: workflow.path,
    run_number: workflow.runNumber,
    run_attempt: Math.max(1, ...attempts.map(({ attempt }) => attempt)),
    event: isPull ? "pull_request" : "push",
    ...suiteState(repository, suite),
    workflow_id: workflow.workflowId,
    url,
    html_url: `${world.url}/${name}/actions/runs/${workflow.id}`,
    pull_requests: shown["pull_requests"],
    created_at: suite.createdAt,
    updated_at: suite.updatedAt,
    run_started_at: suite.createdAt,
    actor,
    triggering_actor: actor,
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: shown["url"],
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    previous_attempt_url: null,
    workflow_url: `${api}/workflows/${workflow.workflowId}`,
    head_commit: suite.headCommit,
    repository: repositoryFacts(world, repository),
    head_repository: repositoryFacts(world, repository),
    display_title: (text(suite.headCommit["message"]) ?? "").split("\n")[0] ?? "",
  };
}

/** A job, whose id is that of its check run. */
export function jobFacts(world: World, repository: Repository, run: CheckRun): JsonObject {
  const suite = suiteOf(repository, run);
  const workflow = must(suite.workflow, `workflow of check run ${run.id}`);
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}/actions`;
  const shown = checkFacts(world, repository, run);
  return {
    id: run.id,
    run_id: workflow.id,
    run_url: `${api}/runs/${workflow.id}`,
    run_attempt: run.attempt,
    node_id: shown["node_id"],
    head_sha: run.headSha,
    url: `${api}/jobs/${run.id}`,
    html_url: shown["html_url"],
    status: run.status,
    conclusion: run.conclusion,
    created_at: run.startedAt,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    name: run.name,
    steps: stepsOf(run),
    check_run_url: shown["url"],
    labels: ["ubuntu-latest"],
    runner_id: null,
    runner_name: null,
    runner_group_id: null,
    runner_group_name: null,
    workflow_name: workflow.name,
    head_branch: suite.headBranch,
  };
}

function stepsOf({ status, conclusion, startedAt, completedAt, name }: CheckRun): JsonObject[] {
  if (status === "queued") return [];
  const times = { started_at: startedAt, completed_at: completedAt };
  const ready = { name: "Set up job", status: "completed", conclusion: "success", number: 1 };
  return [
    { ...ready, started_at: startedAt, completed_at: startedAt },
    { name: `Run ${name}`, status, conclusion, number: 2, ...times },
  ];
}
