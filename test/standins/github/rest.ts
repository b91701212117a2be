import type { IncomingMessage } from "node:http";
import { openRepository } from "./access.ts";
import { authenticate, requireKind } from "./auth.ts";
import { withBodyHtml } from "./body-html.ts";
import type { Answer, Call, Handler, RepositoryHandler } from "./call.ts";
import { actionsHandlers } from "./handlers-actions.ts";
import { appHandlers } from "./handlers-apps.ts";
import { checkHandlers } from "./handlers-checks.ts";
import { commentHandlers } from "./handlers-comments.ts";
import { gitHandlers } from "./handlers-git.ts";
import { hookHandlers } from "./handlers-hooks.ts";
import { issueHandlers } from "./handlers-issues.ts";
import { labelHandlers } from "./handlers-labels.ts";
import { manifestHandlers } from "./handlers-manifest.ts";
import { pullHandlers } from "./handlers-pulls.ts";
import { reactionHandlers } from "./handlers-reactions.ts";
import { repositoryHandlers } from "./handlers-repos.ts";
import { reviewChangeHandlers } from "./handlers-review-changes.ts";
import { reviewHandlers } from "./handlers-reviews.ts";
import { statusHandlers } from "./handlers-statuses.ts";
import { userHandlers } from "./handlers-users.ts";
import { HttpError } from "./http-error.ts";
import { headerProblems } from "./header-check.ts";
import { isObject } from "./json.ts";
import type { Json } from "./json.ts";
import { finishAnswer } from "./rest-answer.ts";
import type { Actor } from "./state.ts";
import { fullName, stamp } from "./world.ts";
import type { World } from "./world.ts";

const handlers: Record<string, Handler> = {
  ...appHandlers,
  ...hookHandlers,
  ...manifestHandlers,
  ...userHandlers,
};
const repositoryHandlersById: Record<string, RepositoryHandler> = {
  ...actionsHandlers,
  ...checkHandlers,
  ...commentHandlers,
  ...gitHandlers,
  ...issueHandlers,
  ...labelHandlers,
  ...pullHandlers,
  ...reactionHandlers,
  ...repositoryHandlers,
  ...reviewHandlers,
  ...reviewChangeHandlers,
  ...statusHandlers,
};

/** What has a handler; a test holds it against the slice. */
export const modelledOperations: readonly string[] = [
  ...Object.keys(handlers),
  ...Object.keys(repositoryHandlersById),
];

export type RestRequest = { method: string; path: string; url: URL; incoming: IncomingMessage; body: Buffer };
export type RestAnswer = { status: number; headers: Record<string, string>; body: Buffer };

type Matched = NonNullable<ReturnType<World["contract"]["requests"]["match"]>>;

/** What an API request asks for: below the API root, `/repositories/:id` led back to the name. */
export function restPath(world: World, path: string): string {
  return path.replace(/^\/repositories\/(\d+)(?=\/|$)/, (whole, id: string) => {
    const repository = world.repositories.get(Number(id));
    return repository === undefined ? whole : `/repos/${fullName(world, repository)}`;
  });
}

/** The operation a request names, or undefined where the stand-in models none. */
export function matchRest(world: World, request: Pick<RestRequest, "method" | "path">): Matched | undefined {
  return world.contract.requests.match({
    method: request.method,
    path: closedPath(request.path),
    headers: {},
  });
}

/** Parameters do not span slashes in the description: what follows these names is one of them, so its slashes are encoded. */
function closedPath(path: string): string {
  const open = /^(\/repos\/[^/]+\/[^/]+\/(?:contents|git\/refs?|git\/matching-refs|compare)\/)(.+)$/;
  return path.replace(open, (_whole, start: string, rest: string) => start + rest.replaceAll("/", "%2F"));
}

/** Answers one API request: authenticate, allow, judge, act, judge the answer. */
export async function serveRest(
  world: World,
  request: RestRequest,
  operation: Matched | undefined,
): Promise<RestAnswer> {
  const operationId = operation?.operationId ?? `${request.method} ${request.path}`;
  let actor: Actor = { kind: "anonymous" };
  let call: Call | undefined;
  let answer: Answer;
  try {
    checkAgent(request.incoming);
    actor = authenticate(world, request.incoming.headers.authorization);
    if (operation === undefined) throw unmodelled(world, operationId);
    requireKind(operationId, actor);
    call = readCall(request, { operationId, actor });
    answer = withBodyHtml(world, call, await act(world, { request, call, operation }));
  } catch (error) {
    answer = refusal(world, operationId, error);
  }
  record(world, { request, operationId, actor, answer, call });
  return finishAnswer(world, { request, operationId, answer });
}

function checkAgent(incoming: IncomingMessage): void {
  if (incoming.headers["user-agent"] !== undefined) return;
  const message =
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
  throw new HttpError(403, message);
}

function unmodelled(world: World, operationId: string): HttpError {
  world.violations.push(`unmodelled operation: ${operationId}`);
  return new HttpError(501, `The GitHub stand-in does not model ${operationId}.`);
}

function readCall(request: RestRequest, input: { operationId: string; actor: Actor }): Call {
  const { incoming, body } = request;
  let parsed: unknown;
  try {
    parsed = body.length === 0 ? undefined : JSON.parse(body.toString());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new HttpError(400, "Problems parsing JSON");
  }
  if (parsed !== undefined && !isObject(parsed) && !Array.isArray(parsed)) {
    throw new HttpError(400, "Body should be a JSON object");
  }
  return {
    ...input,
    method: request.method,
    path: request.path,
    params: {},
    query: Object.fromEntries(request.url.searchParams),
    // Some operations take a bare list of labels.
    body: isObject(parsed) ? parsed : parsed === undefined ? {} : { labels: parsed as Json[] },
    accept: incoming.headers.accept ?? "",
  };
}

async function act(
  world: World,
  input: { request: RestRequest; call: Call; operation: Matched },
): Promise<Answer> {
  const { request, call, operation } = input;
  const text = request.body.toString();
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  const checked = world.contract.requests.check(
    {
      method: request.method,
      path: closedPath(request.path),
      query: call.query as Record<string, string>,
      headers: { "content-type": request.body.length === 0 ? "" : "application/json" },
      body,
    },
    operation,
  );
  call.params = checked.params;
  const repositoryHandler = repositoryHandlersById[call.operationId];
  const repository = repositoryHandler === undefined ? undefined : openRepository(world, call);
  const problems = [...checked.problems, ...headerProblems(request.incoming.headers)];
  if (problems.length > 0) {
    world.violations.push(...problems.map((problem) => `invalid request ${call.operationId}: ${problem}`));
    throw new HttpError(422, `Invalid request: ${problems.join("; ")}`);
  }
  call.query = checked.query;
  if (repositoryHandler !== undefined && repository !== undefined) {
    return await repositoryHandler(world, { ...call, repository });
  }
  const handler = handlers[call.operationId];
  if (handler === undefined) throw unmodelled(world, call.operationId);
  return await handler(world, call);
}

function refusal(world: World, operationId: string, error: unknown): Answer {
  if (error instanceof HttpError) {
    return { status: error.status, facts: error.body, headers: error.headers, effect: false };
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  world.violations.push(`stand-in bug: ${operationId}: ${detail}`);
  return { status: 500, facts: { message: "Server Error" }, effect: false };
}

function record(
  world: World,
  input: { request: RestRequest; operationId: string; actor: Actor; answer: Answer; call: Call | undefined },
): void {
  const { request, operationId, answer, call } = input;
  const actor = actorName(input.actor);
  const at = stamp(world);
  const path = `${request.path}${request.url.search}`;
  world.requests.push({ method: request.method, path, operationId, actor, status: answer.status, at });
  if (request.method === "GET" || answer.status >= 400 || answer.effect === false || call === undefined)
    return;
  world.effects.push({ operationId, actor, params: { ...call.params }, body: call.body, at });
}

/** How logs call an actor: a login, `app/<slug>` or `anonymous`. */
export function actorName(actor: Actor): string {
  if (actor.kind === "user") return actor.user.login;
  if (actor.kind === "installation") return actor.bot.login;
  if (actor.kind === "client") return `client/${actor.app.slug}`;
  return actor.kind === "app" ? `app/${actor.app.slug}` : "anonymous";
}
