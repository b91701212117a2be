import type { IncomingMessage, ServerResponse } from "node:http";
import type { Db } from "../../db/client.ts";
import { toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Queue } from "../queue/queue.ts";
import type { Metrics } from "./metrics.ts";
import { pingDatabase } from "./readiness-store.ts";
import { withDeadline } from "./with-deadline.ts";

const checkDeadlineMs = 2_000;

export type HealthDeps = {
  system: Db;
  queue: Pick<Queue, "stats">;
  metrics: Metrics;
  log: Logger;
  /** False once the process is on its way out, so that a load balancer sends no more. */
  isOpen: () => boolean;
};

/** GET /readyz (can it take work?) and /metrics. Answers whether the path was one of them. */
export function createHealth(deps: HealthDeps) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    switch (request.url) {
      case "/readyz":
        await answerReady(deps, response);
        return true;
      case "/metrics": {
        const text = await deps.metrics.render();
        response.writeHead(200, { "content-type": deps.metrics.contentType }).end(text);
        return true;
      }
      default:
        return false;
    }
  };
}

/** GET /healthz: the process runs and its event loop turns. */
export function answerHealth(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.url !== "/healthz") return false;
  answer(response, 200, { ok: true });
  return true;
}

async function answerReady(deps: HealthDeps, response: ServerResponse): Promise<void> {
  const [database, queue] = await Promise.all([
    check(deps.log, "database", pingDatabase(deps.system)),
    check(deps.log, "queue", deps.queue.stats()),
  ]);
  const open = deps.isOpen();
  const ready = open && database && queue;
  answer(response, ready ? 200 : 503, { ready, checks: { open, database, queue } });
}

async function check(log: Logger, name: string, work: Promise<unknown>): Promise<boolean> {
  try {
    await withDeadline(work, checkDeadlineMs);
    return true;
  } catch (error) {
    log.warn({ check: name, err: toError(error) }, "not ready");
    return false;
  }
}

function answer(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
