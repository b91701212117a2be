import { createHash } from "node:crypto";
import type { Answer } from "./call.ts";
import type { Json, JsonObject } from "./json.ts";
import type { RestAnswer, RestRequest } from "./rest.ts";
import type { World } from "./world.ts";

/** Casts an answer in its schema and serialises it; the judgement follows after it has left. */
export function finishAnswer(
  world: World,
  input: { request: RestRequest; operationId: string; answer: Answer },
): RestAnswer {
  const { request, operationId, answer } = input;
  const headers: Record<string, string> = { ...answer.headers };
  if (answer.raw !== undefined) {
    return {
      status: answer.status,
      headers: { ...headers, "content-type": answer.raw.type },
      body: Buffer.from(answer.raw.data),
    };
  }
  if (answer.status === 204) return { status: 204, headers, body: Buffer.alloc(0) };
  const shaped =
    answer.status < 300
      ? world.contract.answer(operationId, answer.status, answer.facts)
      : (answer.facts ?? null);
  judgeLater(world, { operationId, status: answer.status, body: shaped });
  const body = Buffer.from(JSON.stringify(shaped));
  headers["content-type"] = "application/json; charset=utf-8";
  if (request.method === "GET" && answer.status === 200) {
    const etag = `W/"${createHash("sha256").update(body).digest("hex")}"`;
    headers["etag"] = etag;
    if (request.incoming.headers["if-none-match"] === etag)
      return { status: 304, headers, body: Buffer.alloc(0) };
  }
  return { status: answer.status, headers, body };
}

function judgeLater(world: World, input: { operationId: string; status: number; body: Json }): void {
  if (input.status >= 300) return;
  world.later(() => {
    const { operationId, status, body } = input;
    // Through text once, as the caller sees it: undefined members are gone.
    const seen = JSON.parse(JSON.stringify(body)) as JsonObject;
    for (const problem of world.contract.checkAnswer(operationId, status, seen)) {
      world.violations.push(`stand-in bug: answer of ${operationId} ${status}: ${problem}`);
    }
  });
}
