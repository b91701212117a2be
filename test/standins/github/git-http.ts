import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { maintainedBranches, openRepository } from "./access.ts";
import { actorOfToken } from "./auth.ts";
import { accountOf } from "./call.ts";
import { gitEnvironment } from "./git.ts";
import { HttpError } from "./http-error.ts";
import { movingRefs } from "./refs.ts";
import type { RefChange } from "./refs.ts";
import { covers } from "./roles.ts";
import type { Actor, Repository } from "./state.ts";
import { ownerOf, repositoryByName } from "./world.ts";
import type { World } from "./world.ts";

/** A request of git's smart HTTP protocol. */
export type GitRequest = {
  owner: string;
  repo: string;
  operationId: "git/upload-pack" | "git/receive-pack";
  /** `info/refs` is the greeting, the others do the work. */
  service: "info/refs" | "git-upload-pack" | "git-receive-pack";
};

export type GitAnswer = {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  changes: RefChange[];
};

const pathPattern = /^\/([\w.-]+)\/([\w.-]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;

/** Recognises git's requests by path and query. */
export function matchGit(url: URL): GitRequest | undefined {
  const [, owner, repo, path] = pathPattern.exec(url.pathname) ?? [];
  if (owner === undefined || repo === undefined) return undefined;
  const asked = path === "info/refs" ? url.searchParams.get("service") : path;
  if (asked !== "git-upload-pack" && asked !== "git-receive-pack") return undefined;
  const operationId = asked === "git-upload-pack" ? "git/upload-pack" : "git/receive-pack";
  return { owner, repo, operationId, service: path === "info/refs" ? "info/refs" : asked };
}

/** Who git speaks for, from Basic credentials; throws 401 for those that open nothing. */
export function gitActor(world: World, authorization: string | undefined): Actor {
  if (authorization === undefined) return { kind: "anonymous" };
  const [scheme = "", credential = ""] = authorization.split(/\s+/, 2);
  const decoded = Buffer.from(credential, "base64").toString();
  const password = decoded.slice(decoded.indexOf(":") + 1);
  if (scheme.toLowerCase() !== "basic" || !world.tokens.has(password)) {
    throw new HttpError(
      401,
      "Invalid username or token. Password authentication is not supported for Git operations.",
    );
  }
  return actorOfToken(world, password);
}

/** The repository, once this actor may do this in it; words the refusal as GitHub does for git. */
export function openForGit(world: World, request: GitRequest, actor: Actor): Repository {
  const { owner, repo, operationId } = request;
  try {
    return openRepository(world, { operationId, actor, params: { owner, repo }, method: "GIT", path: "" });
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const isHidden = error.status === 404 || error.status === 401;
    if (actor.kind === "anonymous" && isHidden) throw new HttpError(401, "Authentication required");
    if (error.status === 404) throw new HttpError(404, "Repository not found.");
    if (error.status === 301) throw withService(error, request);
    if (error.status !== 403) throw error;
    const name = repositoryByName(world, owner, repo)?.name ?? repo;
    const message = `Permission to ${owner}/${name}.git denied to ${accountOf(actor).login}.`;
    throw new HttpError(403, message, { headers: error.headers });
  }
}

/** Git goes on at the new address when the greeting names it. */
function withService(error: HttpError, { service, operationId }: GitRequest): HttpError {
  const query = service === "info/refs" ? `?service=${operationId.replace("/", "-")}` : "";
  const location = `${error.headers["location"] ?? ""}/${service}${query}`;
  return new HttpError(301, error.message, { headers: { location } });
}

/** Answers a git request with the real `git http-backend`. */
export async function serveGit(
  world: World,
  input: { request: GitRequest; url: URL; incoming: IncomingMessage; actor: Actor; repository: Repository },
): Promise<GitAnswer> {
  const { request, repository, actor } = input;
  if (request.service !== "git-receive-pack") return { ...(await runBackend(world, input)), changes: [] };
  const sender = actor.kind === "anonymous" ? ownerOf(world, repository) : accountOf(actor);
  const { result, changes } = await movingRefs(world, {
    repository,
    sender,
    work: () => runBackend(world, input),
  });
  return { ...result, changes };
}

function runBackend(
  world: World,
  input: { request: GitRequest; url: URL; incoming: IncomingMessage; actor: Actor; repository: Repository },
): Promise<Omit<GitAnswer, "changes">> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["http-backend"], { env: backendEnvironment(world, input) });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    // The backend may answer and leave before it has read everything.
    child.stdin.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "ECONNRESET") reject(error);
    });
    child.on("close", (code) => {
      const answer = parseCgi(Buffer.concat(out));
      if (answer === undefined) {
        reject(
          new Error(
            `git http-backend gave no answer (exit ${code ?? "none"}): ${Buffer.concat(err).toString()}`,
          ),
        );
      } else resolve(answer);
    });
    input.incoming.pipe(child.stdin);
    // A pusher that dies must not leave the backend waiting: it holds the repository's turn.
    input.incoming.on("close", () => {
      if (!input.incoming.complete) child.stdin.destroy();
    });
  });
}

function backendEnvironment(
  world: World,
  input: { request: GitRequest; url: URL; incoming: IncomingMessage; actor: Actor; repository: Repository },
): Record<string, string> {
  const { request, url, incoming, actor, repository } = input;
  const { headers } = incoming;
  const variables: Record<string, string | undefined> = {
    GIT_PROJECT_ROOT: join(world.directory, "repositories"),
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: `/${repository.id}.git/${request.service}`,
    REQUEST_METHOD: incoming.method,
    QUERY_STRING: url.search.slice(1),
    CONTENT_TYPE: headers["content-type"],
    CONTENT_LENGTH: headers["content-length"],
    HTTP_CONTENT_ENCODING: headers["content-encoding"],
    GIT_PROTOCOL: headers["git-protocol"] === undefined ? undefined : String(headers["git-protocol"]),
    REMOTE_USER: actor.kind === "anonymous" ? undefined : accountOf(actor).login,
    REMOTE_ADDR: "127.0.0.1",
    STANDIN_PROTECTED: [...repository.protectedBranches].map((name) => `refs/heads/${name}`).join("\n"),
    STANDIN_BRANCHES: pushableBranches(world, repository, actor),
    STANDIN_WORKFLOWS: mayWriteWorkflows(actor) ? "allowed" : "refused",
    ...pushConfiguration(),
  };
  const defined = Object.entries(variables).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return { ...gitEnvironment, ...Object.fromEntries(defined) };
}

/** The only refs that somebody may push to who is no collaborator; empty: no such limit. */
function pushableBranches(world: World, repository: Repository, actor: Actor): string {
  if (actor.kind !== "user") return "";
  const branches = maintainedBranches(world, repository, actor.user, { operationId: "git/receive-pack" });
  return branches.map((name) => `refs/heads/${name}`).join("\n");
}

function mayWriteWorkflows(actor: Actor): boolean {
  return (
    actor.kind === "user" ||
    (actor.kind === "installation" && covers(actor.permissions, { workflows: "write" }))
  );
}

function pushConfiguration(): Record<string, string> {
  const settings = [
    ["http.receivepack", "true"],
    ["core.hooksPath", join(import.meta.dirname, "hooks")],
    ["receive.hideRefs", "refs/pull"],
    ["receive.fsckObjects", "true"],
    ["uploadpack.allowReachableSHA1InWant", "true"],
    ["uploadpack.allowFilter", "true"],
  ];
  const first = Number(gitEnvironment["GIT_CONFIG_COUNT"]);
  const entries = settings.flatMap(([key = "", value = ""], index): [string, string][] => [
    [`GIT_CONFIG_KEY_${first + index}`, key],
    [`GIT_CONFIG_VALUE_${first + index}`, value],
  ]);
  return { ...Object.fromEntries(entries), GIT_CONFIG_COUNT: String(first + settings.length) };
}

function parseCgi(out: Buffer): Omit<GitAnswer, "changes"> | undefined {
  const end = out.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const headers: Record<string, string> = {};
  for (const line of out.subarray(0, end).toString().split("\r\n")) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { status = "200", ...rest } = headers;
  return { status: Number(status.split(" ")[0]), headers: rest, body: out.subarray(end + 4) };
}

/** Words a refusal for git: plain text, and the challenge that makes git ask for credentials. */
export function refuseGit(response: ServerResponse, error: HttpError): void {
  response.writeHead(error.status, {
    "content-type": "text/plain; charset=utf-8",
    ...(error.status === 301 ? error.headers : {}),
    ...(error.status === 401 ? { "www-authenticate": 'Basic realm="GitHub"' } : {}),
  });
  response.end(error.message);
}
