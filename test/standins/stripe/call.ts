import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import type { World } from "./world.ts";

/** A request that was found to be well-formed. */
export type Call = {
  world: World;
  params: JsonObject;
  /** What stands in the path. */
  id: string;
  requestId: string;
};

/** Answers an object, or for a list operation every object of the list, the newest first. */
export type Handler = (call: Call) => JsonObject | JsonObject[];

/** Sets the members named in the parameters; an empty text unsets. */
export function apply(object: JsonObject, params: JsonObject, names: readonly string[]): void {
  for (const name of names) {
    const value = params[name];
    if (value !== undefined) object[name] = value === "" ? null : value;
  }
}

/** Metadata merge: an empty value takes its key away, an empty metadata all of them. */
export function mergeMetadata(object: JsonObject, given: Json | undefined): void {
  if (given === undefined) return;
  const kept = isObject(object["metadata"]) ? object["metadata"] : {};
  if (!isObject(given)) {
    object["metadata"] = {};
    return;
  }
  const merged = Object.entries({ ...kept, ...given }).filter(([, value]) => value !== "");
  object["metadata"] = Object.fromEntries(merged);
}

/** Keeps the objects whose members equal the parameters of the same name. */
export function having(objects: JsonObject[], params: JsonObject, names: readonly string[]): JsonObject[] {
  return objects.filter((one) =>
    names.every((name) => params[name] === undefined || params[name] === one[name]),
  );
}
