import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { resolveShape } from "./read-slice.ts";
import type { Shape } from "./slice-shape.ts";

/** Fills what Stripe always sends and the maker did not say: null where the declaration allows it, else an empty list. */
export function complete(definition: string, known: JsonObject): JsonObject {
  const shape = resolveShape({ ref: definition });
  if (typeof shape === "string" || !("fields" in shape)) throw new Error(`${definition} is no object.`);
  const whole: JsonObject = { ...known };
  for (const [name, field] of Object.entries(shape.fields)) {
    if (name.endsWith("?") || name in whole) continue;
    const wanted = resolveShape(field);
    if (allowsNull(field)) whole[name] = null;
    else if (typeof wanted === "object" && "list" in wanted) whole[name] = [];
    else if (typeof wanted === "object" && "map" in wanted) whole[name] = {};
  }
  return whole;
}

function allowsNull(shape: Shape): boolean {
  const whole = resolveShape(shape);
  return (
    whole === "null" || (typeof whole === "object" && "either" in whole && whole.either.some(allowsNull))
  );
}

/** What an answer of the stand-in has that the SDK's declarations do not, or lacks; empty when it is as declared. */
export function faultsOf(shape: Shape, value: Json | undefined, at: string): string[] {
  const whole = resolveShape(shape);
  if (whole === "any") return [];
  if (value === undefined) return [`${at} is missing`];
  if (typeof whole === "string") {
    const wanted = whole === "decimal" ? "string" : whole;
    const came = value === null ? "null" : typeof value;
    return came === wanted ? [] : [`${at} is ${came}, not ${whole}`];
  }
  if ("words" in whole) {
    const known = whole.words.some((word) => word === value) || (whole.open && typeof value === "string");
    return known === true ? [] : [`${at} is ${JSON.stringify(value)}, none of ${whole.words.join(", ")}`];
  }
  if ("either" in whole) {
    const tried = whole.either.map((one) => faultsOf(one, value, at));
    return tried.some((faults) => faults.length === 0) ? [] : (tried.toSorted(byLength).at(0) ?? []);
  }
  if ("list" in whole) {
    if (!Array.isArray(value)) return [`${at} is no list`];
    return value.flatMap((one, index) => faultsOf(whole.list, one, `${at}[${index}]`));
  }
  if (!isObject(value)) return [`${at} is no object`];
  if ("map" in whole) {
    return Object.entries(value).flatMap(([name, one]) => faultsOf(whole.map, one, `${at}.${name}`));
  }
  return faultsOfFields(whole.fields, value, at);
}

function faultsOfFields(fields: Readonly<Record<string, Shape>>, value: JsonObject, at: string): string[] {
  const faults = Object.entries(fields).flatMap(([key, shape]) => {
    const name = key.replace(/\?$/, "");
    if (key.endsWith("?") && !(name in value)) return [];
    return faultsOf(shape, value[name], `${at}.${name}`);
  });
  const known = new Set(Object.keys(fields).map((key) => key.replace(/\?$/, "")));
  const extra = Object.keys(value).filter((name) => !known.has(name));
  return [...faults, ...extra.map((name) => `${at}.${name} is not declared`)];
}

function byLength(a: string[], b: string[]): number {
  // Several faults mean that the right alternative was entered and something inside it is wrong.
  return b.length - a.length;
}
