import { isObject, maybeText } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { present } from "./present.ts";
import { invalid, missing } from "./stripe-error.ts";
import type { World } from "./world.ts";

/** One page of `objects` (newest first), by `limit`, `starting_after`, `ending_before` and `created`. */
export function listPage(
  world: World,
  objects: JsonObject[],
  call: { path: string; params: JsonObject },
): JsonObject {
  const { params } = call;
  const limit = params["limit"] ?? 10;
  if (typeof limit !== "number" || limit < 1 || limit > 100) {
    const bound =
      typeof limit === "number" && limit < 1 ? "greater than or equal to 1" : "less than or equal to 100";
    throw invalid(`This value must be ${bound}.`, { code: "parameter_invalid_integer", param: "limit" });
  }
  const within = objects.filter((one) => isWithin(params["created"], one["created"]));
  const after = maybeText(params, "starting_after");
  const before = maybeText(params, "ending_before");
  if (after !== null && before !== null) {
    throw invalid("You may only specify one of these parameters: starting_after, ending_before.");
  }
  const start = after === null ? 0 : place(within, after, "starting_after") + 1;
  const end = before === null ? within.length : place(within, before, "ending_before");
  const first = before === null ? start : Math.max(start, end - limit);
  const page = within.slice(first, Math.min(end, first + limit));
  const expand = Array.isArray(params["expand"]) ? params["expand"].map(String) : [];
  if (expand.some((path) => !path.startsWith("data."))) {
    throw invalid(`This property cannot be expanded (${expand.join(", ")}).`, { param: "expand" });
  }
  const inner = expand.map((path) => path.slice("data.".length));
  return {
    object: "list",
    data: page.map((one) => present(world, one, page.length === 0 ? [] : inner)),
    has_more: before === null ? first + page.length < within.length : first > 0,
    url: call.path,
  };
}

function place(objects: JsonObject[], id: string, param: string): number {
  const index = objects.findIndex((one) => one["id"] === id);
  if (index < 0) throw missing("object", id, param);
  return index;
}

function isWithin(filter: Json | undefined, created: Json | undefined): boolean {
  if (filter === undefined || typeof created !== "number") return true;
  if (typeof filter === "number") return created === filter;
  if (!isObject(filter)) return true;
  const bound = (name: string, holds: (bound: number) => boolean) => {
    const value = filter[name];
    return typeof value !== "number" || holds(value);
  };
  return (
    bound("gt", (value) => created > value) &&
    bound("gte", (value) => created >= value) &&
    bound("lt", (value) => created < value) &&
    bound("lte", (value) => created <= value)
  );
}
