import { z } from "zod";
import { repoSettingsFile, type SettingsFile } from "./repo-settings-schema.ts";
import { toSettings, type MergedFile, type Settings } from "./settings-values.ts";

/** What set a value. */
export type SettingsSource =
  | { kind: "file"; repository: { owner: string; name: string }; sha: string; line: number }
  | { kind: "variable"; name: string }
  | { kind: "default" };

/** One file, or what stands for one. */
export type SettingsLayer = {
  file: SettingsFile;
  sourceOf: (path: readonly string[]) => SettingsSource;
};

export type SettingsValue = string | number | boolean | readonly (string | number)[];

/** One key of the merged file, as `limits.turns`; a value of null: nobody set it, and there is no default. */
export type SettingsEntry = { key: string; value: SettingsValue | null; source: SettingsSource };

export type MergedSettings = {
  settings: Settings;
  /** Every key of the file in its order, then those of the saved tasks. */
  entries: readonly SettingsEntry[];
};

type Leaf = { path: readonly string[]; value: SettingsValue; source: SettingsSource };

/** Lays files over the server's layer, the last one on top: mappings merge, lists and single values replace. */
export function mergeSettings(
  server: SettingsLayer & { file: MergedFile },
  over: readonly SettingsLayer[],
): MergedSettings {
  const leaves = new Map<string, Leaf>();
  for (const layer of [server, ...over])
    for (const { path, value } of leavesOf(layer.file))
      leaves.set(path.join("."), { path, value, source: layer.sourceOf(path) });
  return { settings: toSettings(rebuild([...leaves.values()])), entries: toEntries(leaves) };
}

function* leavesOf(value: unknown, path: readonly string[] = []): Generator<Omit<Leaf, "source">> {
  if (value === undefined) return;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) yield* leavesOf(inner, [...path, key]);
    return;
  }
  // The schema has no other values.
  yield { path, value: value as SettingsValue };
}

/** Each layer has passed the schema or is the server's own, and they differ in what is there, not in its type. */
function rebuild(leaves: readonly Leaf[]): MergedFile {
  const root = emptyMapping();
  for (const { path, value } of leaves) {
    let at = root;
    for (const key of path.slice(0, -1)) {
      const next = at[key] ?? emptyMapping();
      at[key] = next;
      at = next as Mapping;
    }
    at[path.at(-1) ?? ""] = value;
  }
  return root as unknown as MergedFile;
}

type Mapping = { [key: string]: Mapping | SettingsValue };

/** Names of saved tasks are chosen by people: nothing is inherited. */
const emptyMapping = (): Mapping => Object.create(null) as Mapping;

function toEntries(leaves: ReadonlyMap<string, Leaf>): SettingsEntry[] {
  const fixed = fixedKeys.map((key): SettingsEntry => {
    const leaf = leaves.get(key);
    return leaf === undefined
      ? { key, value: null, source: { kind: "default" } }
      : { key, value: leaf.value, source: leaf.source };
  });
  const chosen = [...leaves].filter(([key]) => !fixedKeys.includes(key));
  return [...fixed, ...chosen.map(([key, { value, source }]) => ({ key, value, source }))];
}

/** The keys that are not of a person's choosing. */
const fixedKeys: readonly string[] = keysOf(repoSettingsFile, []);

function keysOf(schema: z.ZodType, path: readonly string[]): string[] {
  if (schema instanceof z.ZodOptional) {
    const inner: unknown = schema.unwrap();
    return inner instanceof z.ZodType ? keysOf(inner, path) : [];
  }
  if (schema instanceof z.ZodRecord) return [];
  if (!(schema instanceof z.ZodObject)) return [path.join(".")];
  return Object.entries(schema.shape).flatMap(([key, inner]) =>
    inner instanceof z.ZodType ? keysOf(inner, [...path, key]) : [],
  );
}
