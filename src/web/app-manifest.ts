import { readFileSync } from "node:fs";
import { isMap, isScalar, isSeq, parseDocument, type Document, type Node } from "yaml";
import { z } from "zod";

const manifestSchema = z.strictObject({
  name: z.string().min(1).max(34),
  description: z.string(),
  url: z.url(),
  hook_attributes: z.strictObject({ url: z.url(), active: z.literal(true) }),
  public: z.literal(false),
  default_permissions: z.record(z.string().regex(/^[a-z_]+$/), z.enum(["read", "write"])),
  default_events: z.array(z.string().regex(/^[a-z_]+$/)),
});

/** The fields of a GitHub App manifest that the program sets. */
export type AppManifest = z.infer<typeof manifestSchema>;

/** app.yml, and why it asks for each thing: the comment behind the entry, in its words. */
export type DescribedManifest = {
  manifest: AppManifest;
  permissionReasons: ReadonlyMap<string, string>;
  eventReasons: ReadonlyMap<string, string>;
};

/** Reads app.yml, which lies beside package.json; throws when it is not a manifest. */
export function readAppManifest(
  text: string = readFileSync(new URL("../../app.yml", import.meta.url), "utf8"),
): DescribedManifest {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) throw problem;
  return {
    manifest: manifestSchema.parse(document.toJS()),
    permissionReasons: permissionReasons(document),
    eventReasons: eventReasons(document),
  };
}

/** The path on which webhooks are taken. Source: Probot's default. */
export const webhookPath = "/api/github/webhooks";

/** The scope names in `wanted` that `granted` lacks or has at a lower level, as `name: level`. */
export function missingPermissions(
  wanted: Readonly<Record<string, string>>,
  granted: Readonly<Record<string, string>>,
): string[] {
  return Object.entries(wanted).flatMap(([name, level]) =>
    rank(granted[name]) >= rank(level) ? [] : [`${name}: ${level}`],
  );
}

function rank(level: string | undefined): number {
  return level === undefined ? 0 : ["read", "write", "admin"].indexOf(level) + 1;
}

function permissionReasons(document: Document): Map<string, string> {
  const entries = document.get("default_permissions");
  if (!isMap(entries)) return new Map();
  return new Map(
    entries.items.map((pair) => [
      String(isScalar(pair.key) ? pair.key.value : pair.key),
      commentOf(pair.value as Node | null),
    ]),
  );
}

function eventReasons(document: Document): Map<string, string> {
  const entries = document.get("default_events");
  if (!isSeq(entries)) return new Map();
  return new Map(
    entries.items.map((item) => [String(isScalar(item) ? item.value : item), commentOf(item as Node)]),
  );
}

function commentOf(node: Node | null): string {
  return node?.comment?.trim() ?? "";
}
