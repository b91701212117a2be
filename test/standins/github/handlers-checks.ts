import { accountOf, numberOf, page, textOf } from "./call.ts";
import type { Answer, RepositoryCall, RepositoryHandler } from "./call.ts";
import { checkFacts, emitCheck } from "./facts-checks.ts";
import { revision } from "./git.ts";
import { HttpError, invalid, notFound } from "./http-error.ts";
import { isObject, text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { CheckRun } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

/** Check runs on commits. */
export const checkHandlers: Record<string, RepositoryHandler> = {
  "checks/create": createCheck,
  "checks/get": (world, call) => ({ status: 200, facts: checkFacts(world, call.repository, checkOf(call)) }),
  "checks/update": (world, call) => {
    const run = checkOf(call);
    if (call.actor.kind !== "installation" || call.actor.app.id !== run.appId) {
      throw new HttpError(403, "Invalid app_id for check run");
    }
    const wasCompleted = run.status === "completed";
    applyBody(world, run, call.body);
    if (run.status === "completed" && !wasCompleted) tell(world, call, { run, action: "completed" });
    return { status: 200, facts: checkFacts(world, call.repository, run) };
  },
  "checks/list-for-ref": async (world, call) => {
    const { repository, query } = call;
    const ref = textOf(call, "ref");
    const sha =
      (await revision(repository.directory, `refs/heads/${ref}`)) ??
      (await revision(repository.directory, ref));
    if (sha === undefined) throw new HttpError(422, `No commit found for SHA: ${ref}`);
    const [name, status, appId] = [text(query["check_name"]), text(query["status"]), query["app_id"]];
    const items = repository.checkRuns
      .filter((run) => run.headSha === sha && (name === undefined || run.name === name))
      .filter(
        (run) =>
          (status === undefined || run.status === status) && (appId === undefined || run.appId === appId),
      );
    return page(world, call, {
      items,
      facts: (run) => checkFacts(world, repository, run),
      wrap: "check_runs",
    });
  },
};

async function createCheck(world: World, call: RepositoryCall): Promise<Answer> {
  const { repository, body, actor } = call;
  if (actor.kind !== "installation") throw new HttpError(403, "You must authenticate via a GitHub App.");
  const headSha = text(body["head_sha"]) ?? "";
  if ((await revision(repository.directory, headSha)) !== headSha) {
    throw invalid("CheckRun", { message: `No commit found for SHA: ${headSha}` });
  }
  const run: CheckRun = {
    id: world.nextId("checkRun"),
    appId: actor.app.id,
    name: text(body["name"]) ?? "",
    headSha,
    externalId: "",
    detailsUrl: null,
    status: "queued",
    conclusion: null,
    startedAt: stamp(world),
    completedAt: null,
    output: {},
    actions: [],
  };
  applyBody(world, run, body);
  repository.checkRuns.push(run);
  tell(world, call, { run, action: "created" });
  if (run.status === "completed") tell(world, call, { run, action: "completed" });
  return { status: 201, facts: checkFacts(world, repository, run) };
}

function tell(world: World, call: RepositoryCall, input: { run: CheckRun; action: string }): void {
  emitCheck(world, { ...input, repository: call.repository, sender: accountOf(call.actor) });
}

function applyBody(world: World, run: CheckRun, body: JsonObject): void {
  run.name = text(body["name"]) ?? run.name;
  run.externalId = text(body["external_id"]) ?? run.externalId;
  run.detailsUrl = text(body["details_url"]) ?? run.detailsUrl;
  run.startedAt = text(body["started_at"]) ?? run.startedAt;
  if (isObject(body["output"])) run.output = { ...run.output, ...body["output"] };
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

function checkOf(call: RepositoryCall): CheckRun {
  const run = call.repository.checkRuns.find(({ id }) => id === numberOf(call, "check_run_id"));
  if (run === undefined) throw notFound();
  return run;
}
