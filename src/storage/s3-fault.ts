import { errorCode } from "./disk-fault.ts";

/** What came of one call that did not succeed: an answer of the service, or none (`status` is null, `cause` says why). */
export class S3Fault extends Error {
  override readonly name = "S3Fault";
  readonly status: number | null;
  /** S3's own name for it, such as NoSuchKey; null when the answer has none. */
  readonly code: string | null;
  readonly retryAfterMs: number | undefined;

  constructor(
    input: { status: number | null; code: string | null; retryAfterMs?: number | undefined },
    options?: ErrorOptions,
  ) {
    super(describe(input.status, input.code ?? errorCode(options?.cause)), options);
    this.status = input.status;
    this.code = input.code;
    this.retryAfterMs = input.retryAfterMs;
  }
}

function describe(status: number | null, code: string | null): string {
  if (status === null) return code ?? "no answer";
  return code === null ? `HTTP ${status}` : `HTTP ${status} ${code}`;
}

/** Answers below 500 that a second try may better: a slow or damaged upload, two writers at once. */
const passing = [
  "RequestTimeout",
  "IncompleteBody",
  "BadDigest",
  "XAmzContentSHA256Mismatch",
  "OperationAborted",
];

const untrusted =
  /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/;

export function mayPass(fault: S3Fault): boolean {
  if (fault.status === null) return !untrusted.test(errorCode(fault.cause) ?? "");
  if (fault.code !== null && passing.includes(fault.code)) return true;
  return fault.status === 429 || (fault.status >= 500 && fault.status !== 501);
}
