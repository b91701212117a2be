import { execFile } from "node:child_process";
import { createSign } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Octokit } from "@octokit/rest";
import { startGitHub } from "./github/github.ts";
import type { GitHubStandin } from "./github/github.ts";
import type { AppView, InstallationView } from "./github/makers.ts";
import type { Files } from "./github/git-write.ts";
import type { Permissions } from "./github/state.ts";

export type Place = { owner: string; repo: string; full: string; id: number; cloneUrl: string };
export type Hook = { headers: IncomingHttpHeaders; body: string };

/** A stand-in with an organisation, some people, an App installed on everything, and a receiver for its webhooks. */
export type Stage = {
  github: GitHubStandin;
  app: AppView;
  installation: InstallationView;
  hooks: Hook[];
  /** The receiver answers with this status from now on. */
  answerHooksWith(status: number): void;
  folder: string;
  makeRepository(options?: {
    private?: boolean;
    owner?: string;
    empty?: boolean;
    files?: Files;
  }): Promise<Place>;
  /** A clone in a folder of its own, with a token in the remote's URL when given. */
  clone(place: Place, token?: string): Promise<string>;
  /** The App's client: its JSON web token is made here, so that tests can make bad ones too. */
  asApp(claims?: Record<string, unknown>, key?: string): Octokit;
  /** A token of the installation, narrowed as asked. */
  token(input?: { permissions?: Permissions; repositoryIds?: number[] }): Promise<string>;
  asBot(input?: { permissions?: Permissions; repositoryIds?: number[] }): Promise<Octokit>;
  close(): Promise<void>;
};

export const everything: Permissions = {
  metadata: "read",
  issues: "write",
  pull_requests: "write",
  contents: "write",
  checks: "write",
};

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Sets the stage; alice owns acme, bob is a member, carol writes where she is asked to, mallory is a stranger. */
export async function openStage(): Promise<Stage> {
  const github = await startGitHub();
  const folder = await mkdtemp(join(tmpdir(), "github-stage-"));
  const receiver = await openReceiver();
  for (const login of ["alice", "bob", "carol", "mallory"]) github.createUser(login);
  github.createOrganization("acme", { owners: ["alice"], members: ["bob"] });
  const app = await github.createApp({
    name: "Remote Claude",
    owner: "acme",
    permissions: everything,
    events:
      "issues issue_comment pull_request pull_request_review pull_request_review_comment check_run".split(
        " ",
      ),
    webhookUrl: receiver.url,
  });
  const installation = github.install({ app, owner: "acme", repositories: "all" });
  let count = 0;
  const client = (auth: string): Octokit => new Octokit({ baseUrl: github.apiUrl, auth, log: quiet });
  const asApp: Stage["asApp"] = (claims = {}, key = app.privateKey) =>
    client(signJwt({ iss: app.id, ...claims }, key));
  const token: Stage["token"] = async (input = {}) => {
    const { data } = await asApp().rest.apps.createInstallationAccessToken({
      installation_id: installation.id,
      ...(input.permissions === undefined ? {} : { permissions: input.permissions }),
      ...(input.repositoryIds === undefined ? {} : { repository_ids: input.repositoryIds }),
    });
    return data.token;
  };
  return {
    github,
    app,
    installation,
    hooks: receiver.hooks,
    answerHooksWith: receiver.answerWith,
    folder,
    makeRepository: async (options) => {
      const owner = options?.owner ?? "acme";
      const repo = `widgets-${(count += 1)}`;
      const files = { "README.md": "# Widgets\n", "src/add.js": "export const add = (a, b) => a - b;\n" };
      const { id, cloneUrl } = await github.createRepository({ files, ...options, owner, name: repo });
      return { owner, repo, full: `${owner}/${repo}`, id, cloneUrl };
    },
    clone: async ({ cloneUrl }, secret) => {
      const target = join(folder, `clone-${(count += 1)}`);
      await git(folder, "clone", "-q", secret === undefined ? cloneUrl : withToken(cloneUrl, secret), target);
      return target;
    },
    asApp,
    token,
    asBot: async (input) => client(await token(input)),
    close: async () => {
      await github.close();
      await receiver.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A JSON web token signed by hand; `iat` and `exp` are good unless given. */
export function signJwt(claims: Record<string, unknown>, privateKey: string): string {
  const nowS = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iat: nowS - 30, exp: nowS + 500, ...claims })}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey, "base64url")}`;
}

async function openReceiver() {
  const hooks: Hook[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      hooks.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status).end("seen");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    hooks,
    url: `http://127.0.0.1:${port}/hooks`,
    answerWith: (next: number) => {
      status = next;
    },
    close: () =>
      new Promise<void>((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
      }),
  };
}

/** Owner and name as the API's parameters. */
export function names({ owner, repo }: Place): { owner: string; repo: string } {
  return { owner, repo };
}

/** The status and message of a refusal by the API. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { status, response } = error as { status: number; response?: { data: { message: string } } };
    return `${status} ${response?.data.message ?? ""}`;
  }
  return "not refused";
}

/** A git URL that carries a token. */
export function withToken(url: string, token: string): string {
  return url.replace("http://", `http://x-access-token:${token}@`);
}

const run = promisify(execFile);

/** Runs git as a person would (with nobody's configuration); gives what it printed, rejects with it on failure. */
export async function git(folder: string, ...argv: string[]): Promise<string> {
  const identity = ["-c", "user.name=Dev", "-c", "user.email=dev@example.com", "-c", "protocol.version=2"];
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    LC_ALL: "C",
  };
  const { stdout, stderr } = await run("git", [...identity, ...argv], { cwd: folder, env });
  return stdout + stderr;
}
