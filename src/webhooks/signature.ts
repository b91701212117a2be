import { createHmac, timingSafeEqual } from "node:crypto";

const format = /^sha256=([0-9a-f]{64})$/;

/** The 32 bytes of an X-Hub-Signature-256 header; null when it is none. */
export function parseSignature(header: string | undefined): Buffer | null {
  const hex = format.exec(header ?? "")?.[1];
  return hex === undefined ? null : Buffer.from(hex, "hex");
}

/** Whether one of the secrets, the current one first, signed exactly these bytes. */
export function isSigned(body: Buffer, signature: Buffer, secrets: readonly string[]): boolean {
  return secrets.some((secret) =>
    timingSafeEqual(createHmac("sha256", secret).update(body).digest(), signature),
  );
}
