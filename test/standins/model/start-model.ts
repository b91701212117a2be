import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { answerRequest, type Api } from "./answer-request.ts";
import { readKey } from "./check-headers.ts";
import type { Usage } from "./messages-request.ts";
import { PromptCache } from "./prompt-cache.ts";
import type { Scenario } from "./reply.ts";
import { answerOnly } from "./scenarios.ts";

export type RecordedRequest = {
  method: string;
  /** Path with query. */
  url: string;
  headers: IncomingMessage["headers"];
  key: string | null;
  /** The body's bytes as they came. */
  rawBody: Buffer;
  /** The status answered; null until then. */
  status: number | null;
  /** What the answer counted; null for errors and until then. */
  usage: Usage | null;
  /** Whether the client took the whole answer; null until it ended. */
  finished: boolean | null;
};

export type ModelStandin = {
  url: string;
  requests: readonly RecordedRequest[];
  /** What a client did that the real API would not accept; a test that ends with one has failed. */
  violations: readonly string[];
  /** From now on every call of a conversation is answered by this. */
  script(scenario: Scenario): void;
  /** Resolves as soon as the check holds; it is asked after each request and each answer. */
  until(check: (requests: readonly RecordedRequest[]) => boolean): Promise<void>;
  close(): Promise<void>;
};

/**
 * Starts a server that speaks Anthropic's Messages API as Claude Code uses it, on 127.0.0.1 and a free port unless one
 * is given. It accepts only `keys`; what it does not know it refuses by name and records in `violations`.
 */
export async function startModel(
  options: { port?: number; keys?: readonly string[]; scenario?: Scenario } = {},
): Promise<ModelStandin> {
  const api: Api = {
    keys: options.keys ?? ["sk-ant-standin"],
    scenario: options.scenario ?? answerOnly("Hello."),
    cache: new PromptCache(),
    violations: [],
  };
  const requests: RecordedRequest[] = [];
  const changes = new EventEmitter();
  const server = createServer((request, response) => {
    serve(api, { requests, changes, request, response }).catch((error: unknown) => {
      if (response.destroyed && error instanceof Error && "code" in error && error.code === "ECONNRESET")
        return;
      api.violations.push(`the stand-in itself failed: ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    violations: api.violations,
    script: (scenario) => {
      api.scenario = scenario;
    },
    until: async (check) => {
      while (!check(requests)) await once(changes, "changed");
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Exchange = {
  requests: RecordedRequest[];
  changes: EventEmitter;
  request: IncomingMessage;
  response: ServerResponse;
};

async function serve(api: Api, { requests, changes, request, response }: Exchange): Promise<void> {
  const recorded: RecordedRequest = {
    method: request.method ?? "",
    url: request.url ?? "",
    headers: request.headers,
    key: readKey(request),
    rawBody: Buffer.alloc(0),
    status: null,
    usage: null,
    finished: null,
  };
  response.on("close", () => {
    recorded.status = response.headersSent ? response.statusCode : null;
    recorded.finished = response.writableFinished;
    changes.emit("changed");
  });
  recorded.rawBody = await buffer(request);
  requests.push(recorded);
  changes.emit("changed");
  recorded.usage = await answerRequest(api, request, recorded.rawBody, response);
  changes.emit("changed");
}
