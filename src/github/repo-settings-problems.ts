import { z } from "zod";
import type { SettingsProblem, SettingsYaml } from "./repo-settings-yaml.ts";

type Read = Extract<SettingsYaml, { ok: true }>;

/** Says in sentences with lines what a schema finds wrong with a file; the schema's descriptions say what was expected. */
export function toSettingsProblems(schema: z.ZodType, error: z.ZodError, read: Read): SettingsProblem[] {
  return error.issues.flatMap((issue): SettingsProblem[] => {
    const { path } = issue;
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(schema, path);
      return issue.keys.map((key) => ({
        line: read.lineOfKey(path, key),
        message: explainKey(pathText([...path, key]), { key, known }),
      }));
    }
    if (issue.code === "invalid_key") return [explainName(schema, path, read)];
    const expected = descriptionAt(schema, path) ?? issue.message;
    const where = path.length === 0 ? "" : `${pathText(path)}: `;
    const came = show(valueAt(read.value, path));
    return [{ line: read.lineOf(path), message: `${where}expected ${expected}, got ${came}` }];
  });
}

/** A key that a person chooses, as the name of a saved task. */
function explainName(schema: z.ZodType, path: readonly PropertyKey[], read: Read): SettingsProblem {
  const around = path.slice(0, -1);
  const name = String(path.at(-1));
  const record = unwrap(schemaAt(schema, around) ?? schema);
  const keyType: unknown = record instanceof z.ZodRecord ? record.keyType : undefined;
  const expected = keyType instanceof z.ZodType ? keyType.description : undefined;
  return {
    line: read.lineOfKey(around, name),
    message: `${pathText(around)}: expected ${expected ?? "another name"}, got ${show(name)}`,
  };
}

function explainKey(shown: string, { key, known }: { key: string; known: readonly string[] }): string {
  const near = nearest(key, known);
  const meant = near === null ? `expected one of ${known.join(", ")}` : `did you mean ${near}?`;
  return `${shown}: there is no such key; ${meant}`;
}

function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | null {
  const [first, ...rest] = path;
  if (first === undefined) return schema;
  const inner = unwrap(schema);
  const next: unknown =
    inner instanceof z.ZodObject
      ? inner.shape[String(first)]
      : inner instanceof z.ZodRecord
        ? inner.valueType
        : null;
  return next instanceof z.ZodType ? schemaAt(next, rest) : null;
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (!(schema instanceof z.ZodDefault || schema instanceof z.ZodOptional)) return schema;
  const inner: unknown = schema.unwrap();
  return inner instanceof z.ZodType ? unwrap(inner) : schema;
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const inner = unwrap(schemaAt(schema, path) ?? schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** Of the value itself, or of the closest one around it that has a description. */
function descriptionAt(schema: z.ZodType, path: readonly PropertyKey[]): string | null {
  const own = schemaAt(schema, path);
  const described = own?.description ?? (own === null ? undefined : unwrap(own).description);
  if (path.length === 0) return described ?? "a mapping of keys to values";
  return described ?? (path.length === 1 ? null : descriptionAt(schema, path.slice(0, -1)));
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => {
    if (typeof at !== "object" || at === null) return at;
    return Object.hasOwn(at, key) ? (at as Record<PropertyKey, unknown>)[key] : undefined;
  }, value);
}

const maxShown = 60;

function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 1 ? "a list of 1" : `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return JSON.stringify(value);
  const text = JSON.stringify(value.slice(0, maxShown));
  return value.length > maxShown ? `${text}… (${value.length} characters)` : text;
}

/** `a.b[2]`; what is no plain name is quoted. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((before, key) => {
    if (typeof key === "number") return `${before}[${key}]`;
    const name = String(key);
    const shown = /^[\w-]{1,60}$/.test(name) ? name : JSON.stringify(name.slice(0, maxShown));
    return before === "" ? shown : `${before}.${shown}`;
  }, "");
}

/** The key that was probably meant: alike but for case and signs, or a slip of the hand away. */
function nearest(key: string, known: readonly string[]): string | null {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const given = plain(key.slice(0, maxShown));
  const ranked = known
    .map((name) => ({ name, distance: editDistance(given, plain(name)) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(1, Math.floor(best.name.length / 3))
    ? best.name
    : null;
}

/** Letters put in, taken out, replaced, or swapped with the next one. */
function editDistance(a: string, b: string): number {
  let above: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let at = 1; at <= a.length; at++) {
    const [before, last] = [above, row];
    above = last;
    row = [at];
    for (let to = 1; to <= b.length; to++) {
      const replaced = (last[to - 1] ?? 0) + (a[at - 1] === b[to - 1] ? 0 : 1);
      const swaps = a[at - 1] === b[to - 2] && a[at - 2] === b[to - 1];
      const swapped = swaps && to > 1 ? (before[to - 2] ?? 0) + 1 : Infinity;
      row.push(Math.min(replaced, swapped, (last[to] ?? 0) + 1, (row[to - 1] ?? 0) + 1));
    }
  }
  return row.at(-1) ?? 0;
}
