import { isObject, text, without } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";

/** What `shape` needs beside schema and facts: how to follow a reference, and a URL of ours that answers 404. */
export type ShapeContext = { resolve: (reference: string) => JsonObject; nowhere: string };

/**
 * Fits facts to a schema: members the schema does not name are left out, members it requires and the facts lack are filled
 * with null, an empty list, false, 0 or a URL that answers 404. So an answer never says more than GitHub's would.
 */
export function shape(context: ShapeContext, schema: JsonObject, facts: Json | undefined): Json {
  const flat = flatten(context, schema, facts);
  if (facts === undefined) return fill(context, flat);
  if (Array.isArray(facts)) {
    const items = flat["items"];
    return isObject(items) ? facts.map((item) => shape(context, items, item)) : facts;
  }
  if (!isObject(facts)) return facts;
  const properties = flat["properties"];
  if (!isObject(properties)) return facts;
  return shapeObject(context, { flat, properties, facts });
}

function shapeObject(
  context: ShapeContext,
  input: { flat: JsonObject; properties: JsonObject; facts: JsonObject },
): JsonObject {
  const { flat, properties, facts } = input;
  const required = new Set(Array.isArray(flat["required"]) ? flat["required"] : []);
  const shaped: JsonObject = {};
  for (const [name, schema] of Object.entries(properties)) {
    const fact = facts[name];
    if (fact === undefined && !required.has(name)) continue;
    shaped[name] = isObject(schema) ? shape(context, schema, fact) : (fact ?? null);
  }
  if (isObject(flat["additionalProperties"]) || flat["additionalProperties"] === true) {
    for (const [name, fact] of Object.entries(facts)) if (!(name in properties)) shaped[name] = fact;
  }
  return shaped;
}

const settled = new WeakMap<JsonObject, JsonObject>();

/** Follows references, joins `allOf`, and takes the branch of a union that fits the facts best. */
export function flatten(context: ShapeContext, schema: JsonObject, facts: Json | undefined): JsonObject {
  const known = settled.get(schema);
  if (known !== undefined) return known;
  const flat = flattenAnew(context, schema, facts);
  if (!hasChoice(context, schema)) settled.set(schema, flat);
  return flat;
}

/** Whether the flat form depends on the facts. */
function hasChoice(context: ShapeContext, schema: JsonObject): boolean {
  const reference = text(schema["$ref"]);
  if (reference !== undefined) return hasChoice(context, context.resolve(reference));
  if (schema["oneOf"] !== undefined || schema["anyOf"] !== undefined) return true;
  const parts = Array.isArray(schema["allOf"]) ? schema["allOf"].filter(isObject) : [];
  return parts.some((part) => hasChoice(context, part));
}

function flattenAnew(context: ShapeContext, schema: JsonObject, facts: Json | undefined): JsonObject {
  const reference = text(schema["$ref"]);
  if (reference !== undefined) return flatten(context, context.resolve(reference), facts);
  let flat = schema;
  if (Array.isArray(schema["allOf"])) {
    const { allOf, ...own } = schema;
    flat = [own, ...allOf.filter(isObject)].reduce<JsonObject>(
      (joined, part) => join(joined, flatten(context, part, facts)),
      {},
    );
  }
  const union = flat["oneOf"] ?? flat["anyOf"];
  if (!Array.isArray(union)) return flat;
  const own = without(flat, "oneOf", "anyOf");
  const branches = union.filter(isObject).map((branch) => flatten(context, branch, facts));
  const chosen = facts === undefined ? branches.find(isNull) : undefined;
  return join(own, chosen ?? best(branches, facts) ?? {});
}

function isNull(schema: JsonObject): boolean {
  return schema["type"] === "null" || schema["nullable"] === true;
}

function join(a: JsonObject, b: JsonObject): JsonObject {
  const required = [a["required"], b["required"]].flatMap((list) => (Array.isArray(list) ? list : []));
  const properties: JsonObject = { ...(isObject(a["properties"]) ? a["properties"] : {}) };
  for (const [name, schema] of Object.entries(isObject(b["properties"]) ? b["properties"] : {})) {
    const earlier = properties[name];
    properties[name] = isObject(earlier) && isObject(schema) ? { allOf: [earlier, schema] } : schema;
  }
  const joined: JsonObject = { ...a, ...b, required };
  if (Object.keys(properties).length > 0) joined["properties"] = properties;
  return joined;
}

function best(branches: JsonObject[], facts: Json | undefined): JsonObject | undefined {
  const fitting = branches.filter((branch) => typeFits(branch, facts));
  return fitting.toSorted((a, b) => score(b, facts) - score(a, facts))[0] ?? branches[0];
}

function typeFits(schema: JsonObject, facts: Json | undefined): boolean {
  const type = text(schema["type"]);
  if (facts === undefined) return true;
  if (facts === null) return isNull(schema);
  if (type === undefined) return isObject(facts) === isObject(schema["properties"]);
  if (Array.isArray(facts)) return type === "array";
  if (isObject(facts)) return type === "object";
  if (typeof facts === "number") return type === "integer" || type === "number";
  return type === typeof facts;
}

function score(schema: JsonObject, facts: Json | undefined): number {
  if (!isObject(facts)) return 0;
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const known = Object.keys(facts).filter((name) => name in properties).length;
  const missing = required.filter((name) => typeof name === "string" && facts[name] === undefined).length;
  return known - missing;
}

function fill(context: ShapeContext, schema: JsonObject): Json {
  if (isNull(schema)) return null;
  if (Array.isArray(schema["enum"])) return schema["enum"][0] ?? null;
  switch (schema["type"]) {
    case "array":
      return [];
    case "boolean":
      return false;
    case "integer":
    case "number":
      return 0;
    case "string":
      return fillText(context, text(schema["format"]));
    default:
      return isObject(schema["properties"]) ? shape(context, schema, {}) : {};
  }
}

function fillText(context: ShapeContext, format: string | undefined): string {
  if (format === "date-time") return "1970-01-01T00:00:00Z";
  if (format === "uri") return context.nowhere;
  return format === "email" ? "nobody@example.invalid" : "";
}
