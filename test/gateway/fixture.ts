import { randomInt, randomUUID } from "node:crypto";
import { request, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { eq } from "drizzle-orm";
import { pino } from "pino";
import { account, installation, modelCall, repository, session, task } from "../../db/schema.ts";
import { systemClock } from "../../src/clock.ts";
import type { GatewayDeps } from "../../src/gateway/gateway-deps.ts";
import type { GatewayOptions } from "../../src/gateway/gateway-handler.ts";
import { openGatewaySocket } from "../../src/gateway/gateway-socket.ts";
import { mintTurnToken } from "../../src/gateway/turn-token.ts";
import type { Turn } from "../../src/gateway/turn.ts";
import { priceCall } from "../../src/usage/price.ts";
import type { Database } from "../../db/client.ts";

export const modelKey = "sk-ant-real-credential";

/** A running task with its account, session and a turn token that is good for an hour. */
export async function createTurn(
  { db, system }: Database,
  values: Partial<typeof task.$inferInsert> = {},
): Promise<Turn & { token: string; sessionId: string }> {
  const ids = {
    account: randomUUID(),
    session: randomUUID(),
    task: randomUUID(),
    github: randomInt(2 ** 40),
  };
  await system.insert(account).values({ id: ids.account, githubId: ids.github, login: "acme", kind: "User" });
  await system.insert(installation).values({
    ...{ id: ids.github, accountId: ids.account, repositorySelection: "all", permissions: {} },
  });
  await system.insert(repository).values({
    ...{ id: ids.github, accountId: ids.account, installationId: ids.github },
    ...{ owner: "acme", name: "app", private: false },
  });
  await system.insert(session).values({
    claudeSessionId: crypto.randomUUID(),
    ...{ id: ids.session, accountId: ids.account, repositoryId: ids.github },
    ...{ issueNumber: 1, branch: "claude/1-x" },
  });
  await system.insert(task).values({
    ...{ id: ids.task, accountId: ids.account, sessionId: ids.session, installationId: ids.github },
    ...{
      repositoryId: ids.github,
      issueNumber: 1,
      businessKey: ids.task,
      deliveryId: "d",
      trigger: "comment",
    },
    ...{
      verb: "task",
      instruction: "Fix it",
      options: {},
      requesterId: 1,
      requesterLogin: "mona",
      context: {},
    },
    ...{ status: "running", fence: 1, budgetMicroUsd: 5_000_000, ...values },
  });
  const turn = { accountId: ids.account, taskId: ids.task, fence: 1 };
  const token = await mintTurnToken(db, { ...turn, expiresAt: new Date(Date.now() + 3_600_000) });
  return { ...turn, token, sessionId: ids.session };
}

/** Changes the task as its owner would. */
export async function changeTask(
  { system }: Database,
  taskId: string,
  values: Partial<typeof task.$inferInsert>,
): Promise<void> {
  await system.update(task).set(values).where(eq(task.id, taskId));
}

/** The meter's rows of a task, in the order of the calls. */
export async function listCalls({ system }: Database, taskId: string) {
  return system.select().from(modelCall).where(eq(modelCall.taskId, taskId)).orderBy(modelCall.createdAt);
}

export type TestGateway = {
  socketPath: string;
  logged: string[];
  /** May be called again; after it every call is settled. */
  close(): Promise<void>;
};

/** A gateway on a unix socket in front of this model; `logged` is every line of its log. */
export async function startGateway(
  database: Database,
  input: {
    baseUrl: string;
    egressHosts?: readonly string[];
    credential?: GatewayDeps["config"]["model"]["credential"];
  } & GatewayOptions,
): Promise<TestGateway> {
  const { baseUrl, egressHosts = [], credential, ...options } = input;
  const folder = await mkdtemp(join(tmpdir(), "gateway-"));
  const socketPath = join(folder, "gateway.sock");
  const logged: string[] = [];
  const deps: GatewayDeps = {
    ...{ db: database.db, system: database.system, clock: systemClock, priceCall },
    log: pino({ level: "trace" }, { write: (line: string) => void logged.push(line) }),
    config: {
      model: {
        baseUrl,
        credential: credential === undefined ? { header: "x-api-key", value: modelKey } : credential,
        name: "claude-sonnet-4-5",
      },
      sandbox: { egressHosts },
    },
  };
  const gateway = await openGatewaySocket(deps, { socketPath, ...options });
  let closing: Promise<void> | undefined;
  const close = async () => {
    await gateway.close();
    await rm(folder, { recursive: true });
  };
  return { socketPath, logged, close: () => (closing ??= close()) };
}

/** A call as small as one can be; the tool makes it one of the conversation. */
export const smallCall = {
  model: "claude-sonnet-4-5",
  max_tokens: 1_000,
  stream: true,
  messages: [{ role: "user", content: "Hi" }],
  tools: [{ name: "Bash", input_schema: {} }],
};

type CallInput = {
  token: string;
  body?: unknown;
  path?: string;
  method?: string;
  headers?: Record<string, string | undefined>;
  signal?: AbortSignal;
};

/** A gateway on a unix socket, or at an address with a path in front of the API's. */
export type GatewayAddress = { socketPath: string } | { url: string };

/** Sends a model call as the agent would; resolves with the answer as soon as its headers are there. */
export async function startCall(gateway: GatewayAddress, input: CallInput): Promise<IncomingMessage> {
  const body = typeof input.body === "string" ? input.body : JSON.stringify(input.body ?? smallCall);
  const headers: Record<string, string | undefined> = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "anthropic-version": "2023-06-01",
    "x-api-key": input.token,
    ...input.headers,
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request({
    ...connectionTo(gateway, input.path ?? "/v1/messages?beta=true"),
    method: input.method ?? "POST",
    headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
    agent: false,
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  });
  outgoing.once("response", resolve);
  outgoing.once("error", reject);
  outgoing.end(body);
  return promise;
}

function connectionTo(gateway: GatewayAddress, path: string): RequestOptions {
  if ("socketPath" in gateway) return { socketPath: gateway.socketPath, path };
  const { hostname, port, pathname } = new URL(gateway.url);
  return { host: hostname, port, path: pathname.replace(/\/$/, "") + path };
}

export type Answer = { status: number; headers: IncomingHttpHeaders; bytes: Buffer; text: string };

/** Sends a model call and takes the whole answer. */
export async function sendCall(gateway: GatewayAddress, input: CallInput): Promise<Answer> {
  const response = await startCall(gateway, input);
  const bytes = await buffer(response);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    bytes,
    text: bytes.toString("utf8"),
  };
}
