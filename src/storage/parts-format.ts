import { createHash, type Hash } from "node:crypto";
import { z } from "zod";

/**
 * Several files in one: "rcparts" 01, the length of the table (4 bytes), the table (JSON: names and sizes), then each
 * part's bytes followed by the SHA-256 of its name, size and bytes. Nothing follows the last one.
 */
export const magic = Buffer.from("rcparts\u0001", "latin1");
export const digestBytes = 32;

/** Room for more names than anybody packs. */
export const maxTableBytes = 2 ** 20;

/** No name begins with a dot, so none is hidden, "." or "..". */
const partName = z.string().regex(/^[a-z0-9-][a-z0-9.-]{0,63}$/);

const part = z.strictObject({ name: partName, bytes: z.int().nonnegative() });

export const partTable = z
  .array(part)
  .refine((parts) => new Set(parts.map(({ name }) => name)).size === parts.length, "a name comes twice");

export type PartEntry = z.infer<typeof part>;

/** Begun with name and size, so that a part under another name is a broken one. */
export function beginDigest(entry: PartEntry): Hash {
  return createHash("sha256").update(`${entry.name}\n${entry.bytes}\n`);
}
