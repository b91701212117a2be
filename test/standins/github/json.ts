/** JSON as it travels; an undefined member is one that is left out. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json | undefined };

/** Narrows a JSON value to an object (arrays and null are none). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value when it is a string, else undefined. */
export function text(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The strings of a JSON array; anything else gives an empty list. */
export function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** The numbers of a JSON array; anything else gives an empty list. */
export function numbers(value: Json | undefined): number[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "number") : [];
}

/** A copy without some members. */
export function without<T extends object>(value: T, ...names: (keyof T & string)[]): T {
  const dropped = new Set<string>(names);
  return Object.fromEntries(Object.entries(value).filter(([name]) => !dropped.has(name))) as T;
}

/** Any JSON value as text: a string as it stands, the rest as JSON. */
export function inWords(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
