import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Octokit } from "@octokit/rest";
import { expect, onTestFinished } from "vitest";

type Json = Record<string, unknown>;

/** What GitHub says of the checks of commits, by SHA; of annotations and logs, by the id of the check run. */
export type ChecksFacts = {
  runs: Map<string, Json[]>;
  suites: Map<string, Json[]>;
  statuses: Map<string, Json[]>;
  annotations: Map<number, Json[]>;
  logs: Map<number, string>;
};

export const noChecks = (): ChecksFacts => ({
  ...{ runs: new Map(), suites: new Map(), statuses: new Map() },
  ...{ annotations: new Map(), logs: new Map() },
});

export type ChecksServer = { octokit: Octokit; facts: ChecksFacts; requests: string[] };

const route =
  /^(?:\/api\/v3)?\/repos\/acme\/widgets\/(?:commits\/(\w+)\/(check-runs|check-suites|statuses)|check-runs\/(\d+)\/(annotations)|actions\/jobs\/(\d+)\/(logs))$/;

/** GitHub's routes for checks on a real socket; what it does not know is an error that fails the test. */
export async function checksServer(): Promise<ChecksServer> {
  const facts = noChecks();
  const requests: string[] = [];
  const unknown: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    if (!answerChecks(facts, request, response)) {
      unknown.push(`${request.method} ${request.url}`);
      send(response, 404, { message: "Not Found" });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    expect(unknown, "what GitHub has no route for").toEqual([]);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a TCP address");
  const baseUrl = `http://127.0.0.1:${address.port}`;
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  return { octokit: new Octokit({ baseUrl, auth: "ghs_token", log }), facts, requests };
}

/** Answers a request for checks; false: it is for something else. */
export function answerChecks(
  facts: ChecksFacts,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
  const file = /^\/files\/(\d+)$/.exec(url.pathname);
  const log = facts.logs.get(Number(file?.[1]));
  if (log !== undefined) {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(200, { "content-type": "text/plain" }).end(log);
    return true;
  }
  const [, sha = "", list, run, annotations, job, logs] = route.exec(url.pathname) ?? [];
  const page = Number(url.searchParams.get("page") ?? 1);
  const cut = (all: Json[] = []) => all.slice(100 * (page - 1), 100 * page);
  if (list === "check-runs") {
    if (url.searchParams.get("filter") !== "all") return false;
    return send(response, 200, { total_count: 0, check_runs: cut(facts.runs.get(sha)) });
  }
  if (list === "check-suites")
    return send(response, 200, { total_count: 0, check_suites: cut(facts.suites.get(sha)) });
  if (list === "statuses") return send(response, 200, cut(facts.statuses.get(sha)));
  if (annotations !== undefined) return send(response, 200, facts.annotations.get(Number(run)) ?? []);
  if (logs === undefined) return false;
  if (!facts.logs.has(Number(job))) return send(response, 404, { message: "Not Found" });
  response.writeHead(302, { location: `${url.origin}/files/${job}` }).end();
  return true;
}

function send(response: ServerResponse, status: number, body: unknown): true {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  return true;
}

let nextId = 1;

/** A check run as GitHub shows it: of GitHub Actions, in suite 7, over after a minute. */
export function checkRun(input: {
  name: string;
  conclusion: string | null;
  id?: number;
  suite?: number;
  startedAt?: string;
  app?: { id: number; slug: string };
  output?: Json;
}): Json {
  const id = input.id ?? nextId++;
  const startedAt = input.startedAt ?? "2026-01-01T10:00:00Z";
  const ended = new Date(new Date(startedAt).getTime() + 60_000).toISOString();
  return {
    ...{ id, name: input.name, conclusion: input.conclusion },
    status: input.conclusion === null ? "in_progress" : "completed",
    html_url: `https://github.com/acme/widgets/actions/runs/1/job/${id}`,
    ...{ started_at: startedAt, completed_at: input.conclusion === null ? null : ended },
    output: { title: null, summary: null, text: null, annotations_count: 0, ...input.output },
    check_suite: { id: input.suite ?? 7 },
    app: input.app ?? { id: 15_368, slug: "github-actions" },
  };
}

/** One word of a commit status. */
export const commitStatus = (id: number, context: string, state: string): Json => ({
  ...{ id, context, state, description: `${context} is ${state}`, created_at: "2026-01-01T10:00:00Z" },
  target_url: `https://ci.example.org/${id}`,
});
