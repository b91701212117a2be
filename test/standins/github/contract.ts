import { Ajv } from "ajv";
import type { ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { isObject, text, texts } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { member, pointerPart, readSlice, resolveReference } from "./read-slice.ts";
import { openRequestJudge } from "./request-judge.ts";
import type { RequestJudge } from "./request-judge.ts";
import { shape } from "./shape.ts";
import type { ShapeContext } from "./shape.ts";

/** GitHub's own description as a judge of requests, answers and webhooks, and as the form that answers are cast in. */
export type Contract = {
  requests: RequestJudge;
  /** Names of permissions with the levels each can have. */
  permissionLevels: ReadonlyMap<string, readonly string[]>;
  events: ReadonlySet<string>;
  /** Casts facts into the answer of an operation. */
  answer(operationId: string, status: number, facts: Json | undefined): Json;
  checkAnswer(operationId: string, status: number, body: Json): string[];
  /** Casts facts into a webhook payload, `name` as in `issue-comment-created`. */
  webhook(name: string, facts: JsonObject): Json;
  checkWebhook(name: string, payload: Json): string[];
};

/** Loads the slice; `nowhere` is a URL that answers 404, used where GitHub requires a link to what is not modelled. */
export async function openContract(nowhere: string): Promise<Contract> {
  description ??= openDescription();
  const { slice, responses, validate, judge, permissionLevels, events } = await description;
  const context: ShapeContext = { nowhere, resolve: (reference) => resolveReference(slice, reference) };
  const webhooks = member(slice, "x-webhooks");
  return {
    requests: judge(context),
    permissionLevels,
    events,
    answer: (operationId, status, facts) => {
      const found = responses.get(`${operationId} ${status}`);
      return found === undefined ? (facts ?? null) : shape(context, found.schema, facts);
    },
    checkAnswer: (operationId, status, body) => {
      const found = responses.get(`${operationId} ${status}`);
      if (found !== undefined) return validate(found.pointer, body);
      return [`the description knows no body for ${operationId} ${status}`];
    },
    webhook: (name, facts) => {
      if (webhooks[name] === undefined) {
        throw new Error(`Expected a webhook of the slice, got ${name}; add it to slice-operations.ts.`);
      }
      return shape(context, member(member(webhooks, name), "schema"), facts);
    },
    checkWebhook: (name, payload) => validate(`#/x-webhooks/${name}/schema`, payload),
  };
}

/** What every GitHub of this process shares: the schemas are compiled once. */
let description: ReturnType<typeof openDescription> | undefined;

async function openDescription() {
  const slice = readSlice();
  return {
    slice,
    responses: indexResponses(slice),
    validate: openValidator(slice),
    judge: await openRequestJudge(readSlice()),
    permissionLevels: readPermissions(slice),
    events: new Set(texts(slice["x-github-events"])),
  };
}

function openValidator(slice: JsonObject): (pointer: string, value: Json) => string[] {
  // Without its optimiser Ajv compiles three times as fast, and each schema is compiled once in a short life.
  const code = { optimize: false };
  const ajv = new Ajv({ strict: false, logger: false, inlineRefs: false, validateSchema: false, code });
  addFormats.default(ajv);
  // An App's own address has brackets (`1+name[bot]@users.noreply.github.com`), which the usual pattern refuses.
  ajv.addFormat("email", /^[^\s@]+@[^\s@]+$/);
  ajv.addSchema(slice, "github");
  const compiled = new Map<string, ValidateFunction>();
  return (pointer, value) => {
    const check = compiled.get(pointer) ?? ajv.compile({ $ref: `github${pointer}` });
    compiled.set(pointer, check);
    if (check(value)) return [];
    return (check.errors ?? []).map(
      ({ instancePath, message, keyword, params }) =>
        `${instancePath || "/"} ${message ?? keyword} ${JSON.stringify(params)}`,
    );
  };
}

type ResponseSchema = { schema: JsonObject; pointer: string };

function indexResponses(slice: JsonObject): Map<string, ResponseSchema> {
  const index = new Map<string, ResponseSchema>();
  for (const [path, item] of Object.entries(member(slice, "paths"))) {
    for (const [method, operation] of Object.entries(isObject(item) ? item : {})) {
      if (!isObject(operation)) continue;
      for (const [status, response] of Object.entries(member(operation, "responses"))) {
        if (!isObject(response)) continue;
        const base = `#/paths/${pointerPart(path)}/${method}/responses/${status}`;
        const found = responseSchema(slice, { response, base });
        if (found !== undefined) index.set(`${text(operation["operationId"]) ?? ""} ${status}`, found);
      }
    }
  }
  return index;
}

function responseSchema(
  slice: JsonObject,
  input: { response: JsonObject; base: string },
): ResponseSchema | undefined {
  const reference = text(input.response["$ref"]);
  const target = reference === undefined ? input.response : resolveReference(slice, reference);
  const media = isObject(target["content"]) ? target["content"]["application/json"] : undefined;
  const schema = isObject(media) ? media["schema"] : undefined;
  if (!isObject(schema)) return undefined;
  return { schema, pointer: `${reference ?? input.base}/content/application~1json/schema` };
}

function readPermissions(slice: JsonObject): Map<string, readonly string[]> {
  const schemas = member(member(slice, "components"), "schemas");
  const properties = member(member(schemas, "app-permissions"), "properties");
  return new Map(
    Object.entries(properties).map(([name, schema]) => [name, texts(isObject(schema) ? schema["enum"] : [])]),
  );
}
