import addFormats from "ajv-formats";
import { OpenAPIBackend } from "openapi-backend";
import type { Document, Operation, Request } from "openapi-backend";
import { inWords, isObject, without } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { member } from "./read-slice.ts";
import { flatten } from "./shape.ts";
import type { ShapeContext } from "./shape.ts";

export type CheckedRequest = { query: JsonObject; params: Record<string, string>; problems: string[] };

/** Finds the operation of a request and says what is wrong with it. */
export type RequestJudge = {
  match(request: Request): Operation | undefined;
  check(request: Request, operation: Operation): CheckedRequest;
};

/** Opens openapi-backend on the request side of the slice; what it answers makes a judge for one GitHub. */
export async function openRequestJudge(slice: JsonObject): Promise<(context: ShapeContext) => RequestJudge> {
  const backend = new OpenAPIBackend({
    // Answers are judged elsewhere, by references, which compiles each part once.
    definition: withoutResponses(slice) as unknown as Document,
    quick: true,
    coerceTypes: true,
    ajvOpts: { strict: false, logger: false, code: { optimize: false } },
    customizeAjv: (ajv) => {
      addFormats.default(ajv);
      return ajv;
    },
  });
  await backend.init();
  const match = openMatcher(backend.router.getOperations());
  return (context) => ({
    match,
    check: (request, operation) => check({ backend, context }, request, operation),
  });
}

/** The backend's own router makes every pattern anew for each request; the most literal path wins, as there. */
function openMatcher(operations: readonly Operation[]): RequestJudge["match"] {
  const routes = operations
    .map((operation) => {
      const parts = operation.path.split(/\{[^}]+\}/);
      const literals = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      return { operation, weight: parts.join("").length, pattern: new RegExp(`^${literals.join("[^/]+")}$`) };
    })
    .toSorted((a, b) => b.weight - a.weight);
  return ({ method, path }) =>
    routes.find(({ operation, pattern }) => operation.method === method.toLowerCase() && pattern.test(path))
      ?.operation;
}

function withoutResponses(slice: JsonObject): JsonObject {
  const paths: JsonObject = {};
  for (const [path, item] of Object.entries(member(slice, "paths"))) {
    const operations = Object.entries(isObject(item) ? item : {});
    const requests = operations.map(([method, operation]): [string, JsonObject] => [
      method,
      isObject(operation) ? without(operation, "responses") : {},
    ]);
    paths[path] = Object.fromEntries(requests);
  }
  const { parameters, schemas } = member(slice, "components");
  return { openapi: "3.0.3", info: slice["info"], paths, components: { parameters, schemas } };
}

function check(
  deps: { backend: OpenAPIBackend; context: ShapeContext },
  request: Request,
  operation: Operation,
): CheckedRequest {
  const result = deps.backend.validateRequest(request, operation);
  const outcome: unknown = result.coerced;
  const { query } = isObject(outcome) ? outcome : {};
  const { params } = deps.backend.router.parseRequest(request, operation) as { params: unknown };
  const problems = (result.errors ?? []).map(
    ({ instancePath, message, keyword, params: detail }) =>
      `${instancePath || "/"} ${message ?? keyword} ${JSON.stringify(detail)}`,
  );
  const schema = bodySchema(operation);
  if (schema !== undefined && request.body !== undefined) {
    problems.push(...unknownMembers(deps.context, schema, { value: request.body as Json, at: "" }));
  }
  const words = Object.entries(isObject(params) ? params : {}).map(([name, value]) => [
    name,
    decode(inWords(value)),
  ]);
  return {
    query: isObject(query) ? query : {},
    params: Object.fromEntries(words) as Record<string, string>,
    problems,
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) return part;
    throw error;
  }
}

function bodySchema(operation: Operation): JsonObject | undefined {
  const body: unknown = operation.requestBody;
  const content = isObject(body) ? body["content"] : undefined;
  const media = isObject(content) ? content["application/json"] : undefined;
  return isObject(media) && isObject(media["schema"]) ? media["schema"] : undefined;
}

/** Names members that the description does not know; it allows them, but from us they are slips of the pen. */
function unknownMembers(
  context: ShapeContext,
  schema: JsonObject,
  input: { value: Json | undefined; at: string },
): string[] {
  const { value, at } = input;
  const flat = flatten(context, schema, value);
  if (Array.isArray(value)) {
    const items = flat["items"];
    if (!isObject(items)) return [];
    return value.flatMap((item, index) =>
      unknownMembers(context, items, { value: item, at: `${at}/${index}` }),
    );
  }
  const properties = flat["properties"];
  if (!isObject(value) || !isObject(properties)) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    const known = properties[name];
    if (known === undefined) return [`${at}/${name} is no member that the description knows`];
    return isObject(known) ? unknownMembers(context, known, { value: item, at: `${at}/${name}` }) : [];
  });
}
