import { z } from "zod";
import type { StoredObject } from "./storage.ts";

export type S3ListPage = { objects: StoredObject[]; nextToken: string | null };

const contents = z.object({
  key: z.string().min(1),
  bytes: z.string().regex(/^\d+$/).transform(Number),
  modifiedAt: z.iso.datetime().transform((text) => new Date(text)),
});

/** Reads an answer of ListObjectsV2; throws when it is none. Keys come as they are, whoever made them. */
export function parseS3ListPage(xml: string): S3ListPage {
  const body = /<ListBucketResult[\s>]([^]*)<\/ListBucketResult>\s*$/.exec(xml)?.[1];
  if (body === undefined)
    throw new Error("Expected a ListBucketResult from the checkpoint storage, got another answer.");
  const objects = [...body.matchAll(/<Contents>([^]*?)<\/Contents>/g)].map(([, entry = ""]) =>
    contents.parse({
      key: textOf(entry, "Key"),
      bytes: textOf(entry, "Size"),
      modifiedAt: textOf(entry, "LastModified"),
    }),
  );
  const nextToken = textOf(body, "NextContinuationToken");
  const isTruncated = textOf(body, "IsTruncated");
  if (isTruncated !== "true" && isTruncated !== "false") {
    throw new Error(`Expected IsTruncated true or false in a list, got ${String(isTruncated)}.`);
  }
  if (isTruncated === "false") return { objects, nextToken: null };
  if (nextToken === null) throw new Error("Expected a token for the next page of a list, got none.");
  return { objects, nextToken };
}

function textOf(xml: string, tag: string): string | null {
  const text = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
  return text === undefined ? null : unescape(text);
}

const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));/gi, (whole, hex, decimal, name) => {
    if (typeof name === "string") return named[name] ?? whole;
    const point = typeof hex === "string" ? Number.parseInt(hex, 16) : Number(decimal);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
