export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [name: string]: Json };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member that must be text; anything else is a fault of the stand-in. */
export function text(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value !== "string") throw wrong(object, name, "text");
  return value;
}

export function number(object: JsonObject, name: string): number {
  const value = object[name];
  if (typeof value !== "number") throw wrong(object, name, "a number");
  return value;
}

export function maybeText(object: JsonObject, name: string): string | null {
  const value = object[name];
  return typeof value === "string" && value !== "" ? value : null;
}

export function maybeNumber(object: JsonObject, name: string): number | null {
  const value = object[name];
  return typeof value === "number" ? value : null;
}

export function member(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  if (!isObject(value)) throw wrong(object, name, "an object");
  return value;
}

/** The member as an object, or an empty one. */
export function maybeMember(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isObject(value) ? value : {};
}

/** The objects in a list, an absent one counting as empty. */
export function members(object: JsonObject, name: string): JsonObject[] {
  const value = object[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function wrong(object: JsonObject, name: string, wanted: string): Error {
  return new Error(`Expected ${name} to be ${wanted}, got ${JSON.stringify(object[name])}.`);
}
