import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject } from "./json.ts";
import type { JsonObject } from "./json.ts";

let sliceText: string | undefined;

/** The slice of GitHub's description beside this file, parsed afresh (the backend changes what it is given). */
export function readSlice(): JsonObject {
  sliceText ??= readFileSync(join(import.meta.dirname, "openapi-slice.json"), "utf8");
  const slice: unknown = JSON.parse(sliceText);
  if (isObject(slice)) return slice;
  throw new Error(
    "Expected an object in openapi-slice.json, got something else; make it again with slice.ts.",
  );
}

/** The object under a key, which must be there. */
export function member(parent: JsonObject, key: string): JsonObject {
  const value = parent[key];
  if (!isObject(value)) throw new Error(`Expected an object at ${key} of the slice, got ${typeof value}.`);
  return value;
}

/** Follows a `#/…` reference. */
export function resolveReference(slice: JsonObject, reference: string): JsonObject {
  const parts = reference.replace(/^#\//, "").split("/");
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~")).reduce(member, slice);
}

/** A key as one part of a JSON pointer in a URL fragment. */
export function pointerPart(key: string): string {
  return encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));
}
