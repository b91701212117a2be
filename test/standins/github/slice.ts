/**
 * Cuts the part of GitHub's OpenAPI description that the stand-in answers out of the whole and writes it beside this file.
 * `npm install --no-save @octokit/openapi@23.0.2`, then
 * `node test/standins/github/slice.ts node_modules/@octokit/openapi/generated/api.github.com.json`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, text, without } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { sliceOperations, sliceWebhooks } from "./slice-operations.ts";

const methods = ["get", "put", "post", "patch", "delete"];
const prose = new Set(["description", "summary", "example", "examples", "externalDocs", "tags", "title"]);
const named = new Set(["properties", "schemas", "parameters", "responses", "headers", "patternProperties"]);

main(process.argv[2]);

function main(source: string | undefined): void {
  if (source === undefined) {
    throw new Error("Expected the path of api.github.com.json as the first argument, got none.");
  }
  const full: unknown = JSON.parse(readFileSync(source, "utf8"));
  if (!isObject(full)) throw new Error(`Expected an OpenAPI description in ${source}, got something else.`);
  const paths = pickOperations(child(full, "paths"));
  const webhooks = pickWebhooks(child(full, "x-webhooks"));
  const components = pickComponents(child(full, "components"), [paths, webhooks]);
  mendHeads(child(components, "schemas"));
  mendPositions(child(components, "schemas"));
  const version = text(child(full, "info")["version"]);
  const slice: JsonObject = {
    openapi: "3.0.3",
    info: { title: "GitHub REST API, a slice", version: version ?? "unknown" },
    "x-source": `@octokit/openapi ${version ?? "unknown"}, generated/api.github.com.json, MIT licence, Copyright (c) 2020 Octokit contributors`,
    "x-github-events": [
      ...new Set(Object.keys(child(full, "x-webhooks")).map((name) => eventOf(full, name))),
    ],
    paths,
    "x-webhooks": webhooks,
    components,
  };
  const target = join(import.meta.dirname, "openapi-slice.json");
  writeFileSync(target, compact(slice));
  process.stdout.write(`${target}: ${sliceOperations.length} operations, ${sliceWebhooks.length} webhooks\n`);
}

function pickOperations(all: JsonObject): JsonObject {
  const wanted = new Set(sliceOperations);
  const paths: JsonObject = {};
  for (const [path, item] of Object.entries(all)) {
    if (!isObject(item)) continue;
    for (const method of methods) {
      const operation = item[method];
      const id = isObject(operation) ? text(operation["operationId"]) : undefined;
      if (id === undefined || !wanted.delete(id)) continue;
      paths[path] = { ...(isObject(paths[path]) ? paths[path] : {}), [method]: clean(operation ?? null) };
    }
  }
  mendInstallations(paths);
  if (wanted.size > 0) throw new Error(`The description has no operation ${[...wanted].join(", ")}.`);
  return paths;
}

/** The list's account is `simple-user` and `enterprise` at once, which nothing can be; its parts are installations. */
function mendInstallations(paths: JsonObject): void {
  const answer = child(child(child(child(paths, "/app/installations"), "get"), "responses"), "200");
  const media = child(child(answer, "content"), "application/json");
  media["schema"] = { type: "array", items: { $ref: "#/components/schemas/installation" } };
}

/** A deleted fork leaves its pull requests without a repository, which two of the four descriptions of one forget. */
function mendHeads(schemas: JsonObject): void {
  for (const name of ["pull-request", "pull-request-simple"]) {
    const head = child(child(child(schemas, name), "properties"), "head");
    const properties = child(head, "properties");
    properties["repo"] = { anyOf: [properties["repo"] ?? null, { type: "null" }] };
  }
}

/** An outdated comment has neither line nor position, which the description of the webhooks knows and that of the API forgets. */
function mendPositions(schemas: JsonObject): void {
  const properties = child(child(schemas, "pull-request-review-comment"), "properties");
  for (const name of ["line", "position"])
    properties[name] = { anyOf: [properties[name] ?? null, { type: "null" }] };
}

function pickWebhooks(all: JsonObject): JsonObject {
  const webhooks: JsonObject = {};
  for (const name of sliceWebhooks) {
    const post = child(child(all, name), "post");
    const content = child(child(child(post, "requestBody"), "content"), "application/json");
    webhooks[name] = { schema: clean(content["schema"] ?? null) };
  }
  return webhooks;
}

function eventOf(full: JsonObject, name: string): string {
  const github = child(child(child(child(full, "x-webhooks"), name), "post"), "x-github");
  return text(github["subcategory"]) ?? name;
}

function pickComponents(all: JsonObject, roots: Json[]): JsonObject {
  const components: Record<string, JsonObject> = {};
  const open: Json[] = [...roots];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const reference of references(next)) {
      const [kind, name] = reference.replace("#/components/", "").split("/");
      if (kind === undefined || name === undefined) throw new Error(`Unexpected reference ${reference}.`);
      const group = (components[kind] ??= {});
      if (group[name] !== undefined) continue;
      group[name] = clean(child(child(all, kind), name));
      open.push(group[name]);
    }
  }
  return components;
}

function references(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isObject(value)) return [];
  const own = text(value["$ref"]);
  return [...(own === undefined ? [] : [own]), ...Object.values(value).flatMap(references)];
}

/** Drops prose and repairs `nullable`: beside a reference or a union it becomes a branch, enums list their null. */
function clean(value: Json, isNameMap = false): Json {
  if (Array.isArray(value)) return value.map((item) => clean(item));
  if (!isObject(value)) return value;
  const kept: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined || (!isNameMap && (prose.has(key) || key.startsWith("x-")))) continue;
    kept[key] = isData(key, isNameMap)
      ? member
      : clean(member, !isNameMap && named.has(key) && isObject(member));
  }
  return isNameMap ? kept : repairNullable(kept);
}

function isData(key: string, isNameMap: boolean): boolean {
  return !isNameMap && (key === "enum" || key === "default" || key === "required" || key === "const");
}

function repairNullable(schema: JsonObject): JsonObject {
  if (schema["nullable"] !== true) return schema;
  const rest = without(schema, "nullable");
  if (typeof rest["type"] !== "string") return { anyOf: [rest, { type: "null" }] };
  const values = rest["enum"];
  if (Array.isArray(values) && !values.includes(null)) return { ...schema, enum: [...values, null] };
  return schema;
}

function child(parent: JsonObject, key: string): JsonObject {
  const value = parent[key];
  if (!isObject(value)) throw new Error(`Expected an object at ${key}, got ${JSON.stringify(value)}.`);
  return value;
}

/** One line for each path, webhook and component, so that a newer version gives a readable difference. */
function compact(slice: JsonObject): string {
  const lines = Object.entries(slice).map(([key, value]) => {
    if (key === "components" && isObject(value)) {
      const groups = Object.entries(value).map(([kind, group]) => `${JSON.stringify(kind)}: ${rows(group)}`);
      return `"components": {\n${groups.join(",\n")}\n}`;
    }
    return `${JSON.stringify(key)}: ${key === "paths" || key === "x-webhooks" ? rows(value) : JSON.stringify(value)}`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

function rows(group: Json | undefined): string {
  if (!isObject(group)) return JSON.stringify(group);
  const entries = Object.entries(group).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{\n${entries.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(",\n")}\n}`;
}
