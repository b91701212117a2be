import { TransientError, UserError } from "../errors.ts";
import { mayPass, type S3Fault } from "./s3-fault.ts";

/** The fault as the rest of the program knows faults; `place` is host and bucket. */
export function explainS3Fault(fault: S3Fault, place: string): Error {
  if (mayPass(fault)) {
    return new TransientError(`The checkpoint storage at ${place} is away (${fault.message}).`, {
      cause: fault,
      retryAfterMs: fault.retryAfterMs,
    });
  }
  const advice = adviceFor(fault);
  if (advice === null) {
    return new Error(`Expected the checkpoint storage at ${place} to do as asked, got ${fault.message}.`, {
      cause: fault,
    });
  }
  return new UserError(
    advice.code,
    `Expected the checkpoint storage at ${place} to ${advice.expected}, got ${fault.message}.`,
    advice.remedy,
    { cause: fault },
  );
}

type Advice = { code: string; expected: string; remedy: string };

function adviceFor(fault: S3Fault): Advice | null {
  if (fault.status === null) return advices.untrusted;
  switch (fault.code) {
    case "NoSuchBucket":
    case "InvalidBucketName":
      return advices.bucket;
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException":
    case "PermanentRedirect":
    case "TemporaryRedirect":
      return advices.region;
    case "RequestTimeTooSkewed":
      return advices.clock;
    case "EntityTooLarge":
      return advices.size;
    case "AccessDenied":
    case "AllAccessDisabled":
      return advices.rights;
    default:
      if (fault.status === 401 || fault.status === 403) return advices.keys;
      return fault.code === null ? advices.stranger : null;
  }
}

const advices = {
  keys: {
    code: "storage-key-refused",
    expected: "accept our key",
    remedy: "Set CHECKPOINT_S3_ACCESS_KEY_ID and CHECKPOINT_S3_SECRET_ACCESS_KEY to a valid pair.",
  },
  rights: {
    code: "storage-access-denied",
    expected: "let our key in",
    remedy:
      "Allow the key in CHECKPOINT_S3_ACCESS_KEY_ID s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on this bucket.",
  },
  bucket: {
    code: "storage-bucket-missing",
    expected: "have this bucket",
    remedy: "Make the bucket, or correct CHECKPOINT_S3_URL (https://HOST/BUCKET).",
  },
  region: {
    code: "storage-region-wrong",
    expected: "keep this bucket in our region",
    remedy: "Set CHECKPOINT_S3_REGION to the bucket's region and CHECKPOINT_S3_URL to that region's host.",
  },
  clock: {
    code: "storage-clock-wrong",
    expected: "have our time",
    remedy: "Set this machine's clock; S3 refuses what is signed more than 15 minutes off.",
  },
  size: {
    code: "storage-object-too-large",
    expected: "take an object of this size",
    remedy: "Lower CHECKPOINT_MAX_MB to what the service takes in one piece.",
  },
  stranger: {
    code: "storage-not-s3",
    expected: "answer as S3 does",
    remedy: "Correct CHECKPOINT_S3_URL: it is https://HOST/BUCKET of an S3-compatible service.",
  },
  untrusted: {
    code: "storage-untrusted",
    expected: "show a certificate that we can trust",
    remedy:
      "Correct CHECKPOINT_S3_URL, or give Node.js the service's certificate authority in NODE_EXTRA_CA_CERTS.",
  },
} satisfies Record<string, Advice>;
