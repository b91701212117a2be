import { accountOf, numberOf, page } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { commitOfRef } from "./checks-commit.ts";
import { announceEnd, announceRun, newRun } from "./checks-runs.ts";
import { latestRuns, suiteFacts, suiteFor } from "./checks-suites.ts";
import { annotationFacts, checkFacts } from "./facts-checks.ts";
import { revision } from "./git.ts";
import { HttpError, invalid, notFound } from "./http-error.ts";
import { isObject, text } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Annotation, CheckRun } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

/** Check runs and suites on commits. */
export const checkHandlers: Record<string, RepositoryHandler> = {
  "checks/create": createCheck,
  "checks/get": (world, call) => ({ status: 200, facts: checkFacts(world, call.repository, checkOf(call)) }),
  "checks/update": (world, call) => {
    const run = checkOf(call);
    if (call.actor.kind !== "installation" || call.actor.app.id !== run.appId) {
      throw new HttpError(403, "Invalid app_id for check run");
    }
    const { repository } = call;
    const wasCompleted = run.status === "completed";
    applyBody(world, run, call.body);
    if (run.status === "completed" && !wasCompleted) {
      announceEnd(world, { repository, run, sender: accountOf(call.actor) });
    }
    return { status: 200, facts: checkFacts(world, repository, run) };
  },
  "checks/list-for-ref": listRuns,
  "checks/list-suites-for-ref": listSuites,
  "checks/get-suite": (world, call) => {
    const { repository } = call;
    const suite = repository.checks.suites.find(({ id }) => id === numberOf(call, "check_suite_id"));
    if (suite === undefined) throw notFound();
    return { status: 200, facts: suiteFacts(world, repository, suite) };
  },
  "checks/list-annotations": (world, call) => {
    const [run, { repository }] = [checkOf(call), call];
    const facts = (annotation: Annotation): Json => annotationFacts(world, { repository, run, annotation });
    return page(world, call, { items: run.annotations, facts });
  },
};

/** Newest first; of several of one name in a suite only the last, unless `filter` is `all`. */
async function listRuns(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, query } = call;
  const sha = await commitOfRef(call);
  const [name, status, appId] = [text(query["check_name"]), text(query["status"]), query["app_id"]];
  const latest = new Set(repository.checks.suites.flatMap((suite) => latestRuns(repository, suite)));
  const items = repository.checkRuns
    .filter((run) => run.headSha === sha && (query["filter"] === "all" || latest.has(run)))
    .filter((run) => name === undefined || run.name === name)
    .filter((run) => status === undefined || run.status === status)
    .filter((run) => appId === undefined || run.appId === appId)
    .toReversed();
  return page(world, call, {
    items,
    facts: (run) => checkFacts(world, repository, run),
    wrap: "check_runs",
  });
}

async function listSuites(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, query } = call;
  const sha = await commitOfRef(call);
  const [name, appId] = [text(query["check_name"]), query["app_id"]];
  const items = repository.checks.suites
    .filter((suite) => suite.headSha === sha && (appId === undefined || suite.appId === appId))
    .filter((suite) => name === undefined || latestRuns(repository, suite).some((run) => run.name === name));
  return page(world, call, {
    items,
    facts: (suite) => suiteFacts(world, repository, suite),
    wrap: "check_suites",
  });
}

async function createCheck(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, body, actor } = call;
  if (actor.kind !== "installation") throw new HttpError(403, "You must authenticate via a GitHub App.");
  const headSha = text(body["head_sha"]) ?? "";
  if ((await revision(repository.directory, headSha)) !== headSha) {
    throw invalid("CheckRun", { message: `No commit found for SHA: ${headSha}` });
  }
  const suite = await suiteFor(world, { repository, appId: actor.app.id, headSha });
  const run = newRun(world, { repository, suite, name: text(body["name"]) ?? "" });
  applyBody(world, run, body);
  announceRun(world, { repository, run, sender: accountOf(actor) });
  return { status: 201, facts: checkFacts(world, repository, run) };
}

function applyBody(world: World, run: CheckRun, body: JsonObject): void {
  run.name = text(body["name"]) ?? run.name;
  run.externalId = text(body["external_id"]) ?? run.externalId;
  run.detailsUrl = text(body["details_url"]) ?? run.detailsUrl;
  run.startedAt = text(body["started_at"]) ?? run.startedAt;
  if (isObject(body["output"])) applyOutput(run, body["output"]);
  if (Array.isArray(body["actions"])) run.actions = body["actions"];
  const status = text(body["status"]);
  if (status === "queued" || status === "in_progress" || status === "completed") run.status = status;
  const conclusion = text(body["conclusion"]);
  if (run.status === "completed" && conclusion === undefined && run.conclusion === null) {
    throw invalid("CheckRun", { field: "conclusion", code: "missing_field" });
  }
  if (conclusion === undefined) return;
  run.conclusion = conclusion;
  run.status = "completed";
  run.completedAt = text(body["completed_at"]) ?? stamp(world);
}

/** Words replace what was said before; annotations, at most fifty a call, add up. */
function applyOutput(run: CheckRun, output: JsonObject): void {
  run.output = { ...run.output, ...output };
  const added = Array.isArray(output["annotations"]) ? output["annotations"].filter(isObject) : [];
  run.annotations.push(
    ...added.map((annotation) => ({
      path: text(annotation["path"]) ?? "",
      startLine: Number(annotation["start_line"]),
      endLine: Number(annotation["end_line"]),
      level: text(annotation["annotation_level"]) ?? "",
      title: text(annotation["title"]) ?? null,
      message: text(annotation["message"]) ?? "",
      rawDetails: text(annotation["raw_details"]) ?? null,
    })),
  );
}

function checkOf(call: RepositoryCall): CheckRun {
  const run = call.repository.checkRuns.find(({ id }) => id === numberOf(call, "check_run_id"));
  if (run === undefined) throw notFound();
  return run;
}
