import type { ServerResponse } from "node:http";

/** A refusal as S3 gives it; `details` are further elements of its XML. */
export type S3Error = {
  status: number;
  code: string;
  message: string;
  details?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
};

export type S3Refusal = { error: S3Error; violation: string };

/** What a client of ours must never do, so that it is recorded beside being refused. */
export function isViolation(refusal: S3Error | S3Refusal): refusal is S3Refusal {
  return "violation" in refusal;
}

export function sendError(
  response: ServerResponse,
  error: S3Error,
  input: { resource: string; requestId: string; withBody: boolean },
): void {
  const elements = {
    Code: error.code,
    Message: error.message,
    ...error.details,
    Resource: input.resource,
    RequestId: input.requestId,
    HostId: "c3RhbmRpbg==",
  };
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${Object.entries(elements)
    .map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`)
    .join("")}</Error>`;
  response.writeHead(error.status, {
    "x-amz-request-id": input.requestId,
    server: "S3-stand-in",
    ...(input.withBody ? { "content-type": "application/xml" } : {}),
    ...error.headers,
  });
  response.end(input.withBody ? xml : undefined);
}

export function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")
    .replaceAll(/[^\x20-\x7e]/gu, (character) => `&#x${(character.codePointAt(0) ?? 0).toString(16)};`);
}
