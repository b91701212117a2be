import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { isAttachmentPath, serveAttachment } from "./attachment-pages.ts";
import { isLogPath, serveLog } from "./checks-log.ts";
import type { Fault } from "./faults.ts";
import { gitActor, matchGit, openForGit, refuseGit, serveGit } from "./git-http.ts";
import type { GitAnswer, GitRequest } from "./git-http.ts";
import { graphqlOperation, serveGraphql } from "./graphql-serve.ts";
import { HttpError } from "./http-error.ts";
import { servePage } from "./pages.ts";
import { readBody } from "./read-body.ts";
import { actorName, matchRest, restPath, serveRest } from "./rest.ts";
import type { Actor } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

const apiRoot = "/api/v3";
// GitHub gives an installation at least this many requests an hour.
const requestsAnHour = 5000;

type Exchange = { world: World; incoming: IncomingMessage; response: ServerResponse; url: URL };

/** What answers on the one port: API, git and pages. */
export type Router = {
  handle: (incoming: IncomingMessage, response: ServerResponse) => void;
  /** Resolves when nothing is being answered. */
  settled(): Promise<void>;
};

/** Opens the way to everything the stand-in answers. */
export function openRouter(world: World): Router {
  const running = new Set<Promise<void>>();
  let used = 0;
  const settled = async (): Promise<void> => {
    await Promise.all(running);
  };
  const handle: Router["handle"] = (incoming, response) => {
    used += 1;
    const answered = answer(world, { incoming, response, used }).catch((error: unknown) => {
      response.destroy();
      // A caller that died in the middle is nobody's fault here.
      if (incoming.destroyed && !incoming.complete) return;
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      world.violations.push(`stand-in bug: ${incoming.method ?? ""} ${incoming.url ?? ""}: ${detail}`);
    });
    running.add(answered);
    void answered.finally(() => running.delete(answered));
  };
  return { handle, settled };
}

async function answer(
  world: World,
  input: { incoming: IncomingMessage; response: ServerResponse; used: number },
): Promise<void> {
  const { incoming, response, used } = input;
  const url = new URL(`${world.url}${incoming.url ?? "/"}`);
  const exchange = { world, incoming, response, url };
  response.setHeader("x-github-request-id", requestId());
  setRateHeaders(exchange, used);
  await route(exchange);
}

function requestId(): string {
  const part = (bytes: number) => randomBytes(bytes).toString("hex").toUpperCase();
  return `${part(2)}:${part(3)}:${part(4)}:${part(4)}:${part(4)}`;
}

function setRateHeaders({ world, response, url }: Exchange, used: number): void {
  if (!url.pathname.startsWith("/api/")) return;
  const spent = used % requestsAnHour;
  response.setHeader("x-ratelimit-limit", String(requestsAnHour));
  response.setHeader("x-ratelimit-remaining", String(requestsAnHour - spent));
  response.setHeader("x-ratelimit-used", String(spent));
  response.setHeader("x-ratelimit-reset", String(Math.floor(world.now().getTime() / 1000) + 3600));
  response.setHeader("x-ratelimit-resource", "core");
}

async function route(exchange: Exchange): Promise<void> {
  const { url } = exchange;
  const gitRequest = matchGit(url);
  if (gitRequest !== undefined) await answerGit(exchange, gitRequest);
  else if (url.pathname === "/api/graphql") await answerGraphql(exchange);
  else if (url.pathname.startsWith(`${apiRoot}/`)) await answerRest(exchange);
  else if (isAttachmentPath(url.pathname)) await serveAttachment({ ...exchange, strike });
  else if (isLogPath(url.pathname)) await serveLog({ ...exchange, strike });
  else await servePage(exchange);
}

async function answerGraphql({ world, incoming, response }: Exchange): Promise<void> {
  const body = await readBody(incoming);
  const method = incoming.method ?? "POST";
  const subject = { operationId: graphqlOperation(body), path: "/graphql", method };
  const note = (actor: string, status: number) => {
    world.requests.push({ ...subject, actor, status, at: stamp(world) });
  };
  const before = world.faults.take("before", subject);
  if (before !== undefined && (await strike(response, before))) {
    note("fault", before.reset === true ? 0 : (before.status ?? 0));
    return;
  }
  const answer = await serveGraphql(world, { headers: incoming.headers, body });
  note(actorName(answer.actor), answer.status);
  const after = world.faults.take("after", subject);
  if (after !== undefined && (await strike(response, after))) return;
  response.writeHead(answer.status, { "content-type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(answer.body));
}

async function answerRest({ world, incoming, response, url }: Exchange): Promise<void> {
  const body = await readBody(incoming);
  const method = incoming.method ?? "GET";
  const path = restPath(world, url.pathname.slice(apiRoot.length));
  const operation = matchRest(world, { method, path });
  const subject = {
    operationId: operation?.operationId ?? `${method} ${path}`,
    path: `${path}${url.search}`,
    method,
  };
  const note = (status: number) => {
    const { operationId } = subject;
    world.requests.push({
      method,
      path: subject.path,
      operationId,
      actor: "fault",
      status,
      at: stamp(world),
    });
  };
  const before = world.faults.take("before", subject);
  if (before !== undefined && (await strike(response, before))) {
    note(before.reset === true ? 0 : (before.status ?? 0));
    return;
  }
  const answer = await serveRest(world, { method, path, url, incoming, body }, operation);
  const after = world.faults.take("after", subject);
  if (after !== undefined && (await strike(response, after))) return;
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  response.writeHead(answer.status);
  response.end(answer.body);
}

/** Lets a fault happen; true when it has answered (or cut the connection) in the operation's place. */
async function strike(response: ServerResponse, fault: Fault): Promise<boolean> {
  fault.meanwhile?.();
  if (fault.delayMs !== undefined) await delay(fault.delayMs);
  if (fault.reset === true) {
    response.socket?.resetAndDestroy();
    return true;
  }
  if (fault.status === undefined) return false;
  const body = fault.body ?? { message: "Server Error" };
  response.writeHead(fault.status, { "content-type": "application/json; charset=utf-8", ...fault.headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
  return true;
}

async function answerGit(exchange: Exchange, request: GitRequest): Promise<void> {
  const { world, incoming, response, url } = exchange;
  const method = incoming.method ?? "GET";
  const path = url.pathname + url.search;
  // On a connection used before, curl would try again by itself when a fault cuts it.
  response.setHeader("connection", "close");
  // The greeting only reads: a fault is about the request that does the work.
  const subject = {
    operationId: request.service === "info/refs" ? "git/info-refs" : request.operationId,
    path,
    method,
  };
  const before = world.faults.take("before", subject);
  if (before !== undefined && (await strike(response, before))) {
    incoming.resume();
    return;
  }
  let actor: Actor = { kind: "anonymous" };
  let answer: GitAnswer;
  try {
    actor = gitActor(world, incoming.headers.authorization);
    const repository = openForGit(world, request, actor);
    answer = await serveGit(world, { request, url, incoming, actor, repository });
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    incoming.resume();
    recordGit(exchange, request, { actor, status: error.status, changes: [] });
    refuseGit(response, error);
    return;
  }
  recordGit(exchange, request, { actor, ...answer });
  const after = world.faults.take("after", subject);
  if (after !== undefined && (await strike(response, after))) return;
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}

function recordGit(
  { world, incoming, url }: Exchange,
  request: GitRequest,
  outcome: { actor: Actor; status: number; changes: GitAnswer["changes"] },
): void {
  const { operationId, owner, repo } = request;
  const [actor, at, method] = [actorName(outcome.actor), stamp(world), incoming.method ?? "GET"];
  const path = url.pathname + url.search;
  world.requests.push({ method, path, operationId, actor, status: outcome.status, at });
  for (const { ref, before, after } of outcome.changes) {
    world.effects.push({ operationId, actor, params: { owner, repo, ref, before, after }, body: {}, at });
  }
}
