import { suiteFacts, suiteOf, suitePulls } from "./checks-suites.ts";
import { nodeId, viaFacts } from "./facts.ts";
import type { JsonObject } from "./json.ts";
import type { Account, Annotation, CheckRun, Repository } from "./state.ts";
import { fullName, must } from "./world.ts";
import type { World } from "./world.ts";

/** A check run as the API and webhooks show it. */
export function checkFacts(world: World, repository: Repository, run: CheckRun): JsonObject {
  const name = fullName(world, repository);
  const url = `${world.apiUrl}/repos/${name}/check-runs/${run.id}`;
  const suite = suiteOf(repository, run);
  const web =
    suite.workflow === null
      ? `${world.url}/${name}/runs/${run.id}`
      : `${world.url}/${name}/actions/runs/${suite.workflow.id}/job/${run.id}`;
  const home = must(world.apps.get(run.appId), `app ${run.appId}`).externalUrl;
  return {
    id: run.id,
    head_sha: run.headSha,
    node_id: nodeId("CR", run.id),
    external_id: run.externalId,
    url,
    html_url: web,
    details_url: run.detailsUrl ?? (suite.workflow === null ? home : web),
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      title: run.output["title"] ?? null,
      summary: run.output["summary"] ?? null,
      text: run.output["text"] ?? null,
      annotations_count: run.annotations.length,
      annotations_url: `${url}/annotations`,
    },
    name: run.name,
    check_suite: suiteFacts(world, repository, suite),
    app: viaFacts(world, run.appId),
    pull_requests: suitePulls(world, repository, suite),
  };
}

/** A place in the code that a run names. */
export function annotationFacts(
  world: World,
  input: { repository: Repository; run: CheckRun; annotation: Annotation },
): JsonObject {
  const { repository, run, annotation } = input;
  const path = annotation.path.split("/").map(encodeURIComponent).join("/");
  return {
    path: annotation.path,
    blob_href: `${world.url}/${fullName(world, repository)}/blob/${run.headSha}/${path}`,
    start_line: annotation.startLine,
    start_column: null,
    end_line: annotation.endLine,
    end_column: null,
    annotation_level: annotation.level,
    title: annotation.title,
    message: annotation.message,
    raw_details: annotation.rawDetails,
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
