import { nodeId, viaFacts } from "./facts.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Account, CheckRun, Repository } from "./state.ts";
import { fullName } from "./world.ts";
import type { World } from "./world.ts";

/** The open pull requests whose head is this commit, in the short form that checks carry. */
function rollupPulls(world: World, repository: Repository, sha: string): Json {
  const api = `${world.apiUrl}/repos/${fullName(world, repository)}`;
  const repo = { id: repository.id, url: api, name: repository.name };
  return [...repository.issues.values()].flatMap((issue) => {
    const { pull } = issue;
    if (pull?.headSha !== sha || issue.state !== "open") return [];
    return [
      {
        id: pull.id,
        number: issue.number,
        url: `${api}/pulls/${issue.number}`,
        head: { ref: pull.headRef, sha: pull.headSha, repo },
        base: { ref: pull.baseRef, sha: pull.baseSha, repo },
      },
    ];
  });
}

/** A check run as the API and webhooks show it. */
export function checkFacts(world: World, repository: Repository, run: CheckRun): JsonObject {
  const name = fullName(world, repository);
  const url = `${world.apiUrl}/repos/${name}/check-runs/${run.id}`;
  const annotations = Array.isArray(run.output["annotations"]) ? run.output["annotations"].length : 0;
  return {
    id: run.id,
    head_sha: run.headSha,
    node_id: nodeId("CR", run.id),
    external_id: run.externalId,
    url,
    html_url: `${world.url}/${name}/runs/${run.id}`,
    details_url: run.detailsUrl ?? `${world.url}/${name}/runs/${run.id}`,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      title: run.output["title"] ?? null,
      summary: run.output["summary"] ?? null,
      text: run.output["text"] ?? null,
      annotations_count: annotations,
      annotations_url: `${url}/annotations`,
    },
    name: run.name,
    check_suite: suiteFacts(world, repository, run),
    app: viaFacts(world, run.appId),
    pull_requests: rollupPulls(world, repository, run.headSha),
  };
}

function suiteFacts(world: World, repository: Repository, run: CheckRun): JsonObject {
  const name = fullName(world, repository);
  return {
    id: run.id + 1_000_000,
    node_id: nodeId("CS", run.id),
    head_branch: null,
    head_sha: run.headSha,
    status: run.status,
    conclusion: run.conclusion,
    url: `${world.apiUrl}/repos/${name}/check-suites/${run.id + 1_000_000}`,
    before: null,
    after: run.headSha,
    pull_requests: rollupPulls(world, repository, run.headSha),
    app: viaFacts(world, run.appId),
    created_at: run.startedAt,
    updated_at: run.startedAt,
  };
}

/** Tells the Apps about a check run. */
export function emitCheck(
  world: World,
  input: { repository: Repository; run: CheckRun; action: string; sender: Account; onlyAppId?: number },
): void {
  const { repository, run, action, sender, onlyAppId } = input;
  const facts = { check_run: checkFacts(world, repository, run) };
  const only = onlyAppId === undefined ? {} : { onlyAppId };
  world.emit({ event: "check_run", action, repository, sender, facts, ...only });
}
