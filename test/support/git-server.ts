import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import { hostGit } from "./git-repository.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export type GitServer = {
  /** The repository's address, without a credential. */
  url: string;
  /** The bare repository behind it. */
  path: string;
  /** The password that the one user x-access-token needs. */
  token: string;
  requests: { method: string; url: string }[];
  /** Answers the next requests with this status instead of git's; null: git again. */
  answer: { status: number; headers?: Record<string, string> } | null;
};

/** The real git over smart HTTP, asking for a token on every request, as GitHub does for a private repository. */
export async function gitServer(): Promise<GitServer> {
  const root = await temporaryFolder();
  hostGit(root, "init", "--quiet", "--bare", "--initial-branch=main", "repository.git");
  const path = `${root}/repository.git`;
  hostGit(path, "config", "http.receivepack", "true");
  const requests: GitServer["requests"] = [];
  const server = createServer((request, response) => {
    requests.push({ method: request.method ?? "", url: request.url ?? "" });
    if (state.answer !== null)
      return void response.writeHead(state.answer.status, state.answer.headers).end();
    const expected = `Basic ${Buffer.from(`x-access-token:${state.token}`).toString("base64")}`;
    if (request.headers.authorization !== expected) {
      return void response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
    }
    if (!request.url?.startsWith("/o/r.git/")) return void response.writeHead(404).end();
    runBackend(root, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a TCP address");
  const state: GitServer = {
    url: `http://127.0.0.1:${address.port}/o/r.git`,
    path,
    token: `ghs_${crypto.randomUUID().replaceAll("-", "")}`,
    requests,
    answer: null,
  };
  return state;
}

/** git http-backend speaks CGI: headers, a blank line, the body. */
function runBackend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      PATH_INFO: url.pathname.replace("/o/r.git", "/repository.git"),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      REMOTE_USER: "x-access-token",
      REMOTE_ADDR: "127.0.0.1",
    },
  });
  request.pipe(backend.stdin);
  backend.stdin.on("error", () => backend.stdin.destroy());
  let head: Buffer | null = Buffer.alloc(0);
  backend.stdout.on("data", (chunk: Buffer) => {
    if (head === null) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const body = head.subarray(end + 4);
    for (const row of head.subarray(0, end).toString("latin1").split("\r\n")) {
      const [name = "", value = ""] = row.split(": ");
      if (name === "Status") response.statusCode = Number(value.slice(0, 3));
      else response.setHeader(name, value);
    }
    head = null;
    response.write(body);
  });
  backend.on("close", () => response.end());
}
