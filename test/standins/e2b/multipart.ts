import { strange } from "./refusal.ts";

/** A file of a form; its name keeps the folders that stand in it. */
export type Part = { name: string; filename: string; data: Buffer };

/** The parts of a multipart/form-data body. */
export function readParts(body: Buffer, contentType: string): Part[] {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) throw strange(`multipart without a boundary: ${contentType}`, 400);
  const delimiter = Buffer.from(`--${boundary}`);
  const parts: Part[] = [];
  let at = body.indexOf(delimiter);
  while (at !== -1) {
    const start = at + delimiter.length;
    if (body.subarray(start, start + 2).toString() === "--") return parts;
    const end = body.indexOf(Buffer.from(`\r\n--${boundary}`), start);
    const headEnd = body.indexOf("\r\n\r\n", start);
    if (end === -1 || headEnd === -1 || headEnd > end) break;
    parts.push(readPart(body.subarray(start, headEnd).toString(), body.subarray(headEnd + 4, end)));
    at = end + 2;
  }
  throw strange("multipart body without its closing boundary", 400);
}

function readPart(head: string, data: Buffer): Part {
  const disposition = /^content-disposition: form-data; (.*)$/im.exec(head)?.[1] ?? "";
  const name = /(?:^|; )name="([^"]*)"/.exec(disposition)?.[1];
  const filename = /(?:^|; )filename="([^"]*)"/.exec(disposition)?.[1];
  if (name === undefined || filename === undefined) {
    throw strange(`expected a form part with name and filename, got "${disposition}"`, 400);
  }
  return { name, filename, data };
}
