import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Fault } from "./faults.ts";
import { stamp } from "./world.ts";
import type { CheckRun } from "./state.ts";
import type { World } from "./world.ts";

const root = "/storage/job-logs/";
// GitHub: "This link expires after 1 minute."
const lifeMs = 60_000;

/** A job's log as GitHub keeps it: a byte order mark, and the time before each line. */
export function toLog(world: World, text: string): NonNullable<CheckRun["log"]> {
  const at = world.now().toISOString().replace("Z", "0000Z");
  const lines = text.replace(/\n$/, "").split("\n");
  const stamped = lines.map((line) => `${at} ${line}\n`).join("");
  return { text: `\uFEFF${stamped}`, isExpired: false, links: new Map() };
}

/** A signed address of a log: it opens the log for a minute, to anybody. */
export function linkLog(world: World, run: CheckRun, log: NonNullable<CheckRun["log"]>): string {
  const key = randomBytes(16).toString("hex");
  log.links.set(key, world.now().getTime() + lifeMs);
  return `${world.url}${root}${run.id}?sig=${key}`;
}

/** Whether a path belongs to the storage of logs. */
export function isLogPath(path: string): boolean {
  return path.startsWith(root);
}

/** Answers a signed address as the storage does, which knows no credential of GitHub's. */
export async function serveLog(exchange: {
  world: World;
  incoming: IncomingMessage;
  response: ServerResponse;
  url: URL;
  strike: (response: ServerResponse, fault: Fault) => Promise<boolean>;
}): Promise<void> {
  const { world, incoming, response, url, strike } = exchange;
  const { method = "" } = incoming;
  const subject = { method, path: url.pathname, operationId: "actions/log-storage" };
  const record = (actor: string, status: number): void => {
    world.requests.push({ ...subject, actor, status, at: stamp(world) });
  };
  const fault = world.faults.take("before", subject);
  if (fault !== undefined && (await strike(response, fault))) {
    record("fault", fault.status ?? 0);
    return;
  }
  const id = Number(url.pathname.slice(root.length));
  const runs = [...world.repositories.values()].flatMap(({ checkRuns }) => checkRuns);
  const log = runs.find((run) => run.id === id)?.log;
  const endsAt = log?.links.get(url.searchParams.get("sig") ?? "") ?? 0;
  const send = (status: number, type: string, body: string): void => {
    record("anonymous", status);
    response.writeHead(status, { "content-type": type }).end(body);
  };
  if (incoming.headers.authorization !== undefined) {
    world.violations.push("actions/log-storage: a signed address was asked with an Authorization header");
    send(400, "application/xml", "<Error><Code>InvalidAuthenticationInfo</Code></Error>");
  } else if (!log || endsAt < world.now().getTime()) {
    send(403, "application/xml", "<Error><Code>AuthenticationFailed</Code></Error>");
  } else send(200, "text/plain; charset=utf-8", log.text);
}
