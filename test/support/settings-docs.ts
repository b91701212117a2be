import { z } from "zod";
import { repoSettingsFile } from "../../src/github/repo-settings-schema.ts";

/** Every key of the settings file that holds a value, as `limits.turns` and `tasks.<name>.instruction`, and what it may be. */
export function describedKeys(): [key: string, about: string][] {
  return keysOf(repoSettingsFile, [], "");
}

function keysOf(schema: z.ZodType, path: readonly string[], about: string): [string, string][] {
  const described = schema.description ?? about;
  if (schema instanceof z.ZodOptional) return keysOf(toSchema(schema.unwrap()), path, described);
  if (schema instanceof z.ZodRecord)
    return keysOf(toSchema(schema.valueType), [...path, "<name>"], described);
  if (!(schema instanceof z.ZodObject)) return [[path.join("."), described]];
  return Object.entries(schema.shape).flatMap(([key, inner]) => keysOf(toSchema(inner), [...path, key], ""));
}

function toSchema(value: unknown): z.ZodType {
  if (value instanceof z.ZodType) return value;
  throw new TypeError("expected a schema");
}
