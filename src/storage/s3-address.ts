import { UserError } from "../errors.ts";

export type S3Address = {
  /** What a URL of an object begins with, without a slash at its end. */
  bucketUrl: string;
  /** For people: host and bucket. */
  name: string;
};

/** Takes a bucket's address apart; a UserError for anything but https://HOST/BUCKET. */
export function readS3Address(url: string): S3Address {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const bucket = /^\/([A-Za-z0-9][A-Za-z0-9._-]{1,62})\/?$/.exec(parsed?.pathname ?? "")?.[1];
  const isPlain =
    parsed !== null &&
    (parsed.protocol === "https:" || parsed.protocol === "http:") &&
    [parsed.username, parsed.password, parsed.search, parsed.hash].every((part) => part === "");
  if (isPlain && bucket !== undefined) {
    return { bucketUrl: `${parsed.origin}/${bucket}`, name: `${parsed.host}/${bucket}` };
  }
  throw new UserError(
    "storage-url-invalid",
    "Expected CHECKPOINT_S3_URL to be https://HOST/BUCKET, got something else.",
    "Give the host of the service and the bucket's name as the path; keys have variables of their own.",
  );
}
