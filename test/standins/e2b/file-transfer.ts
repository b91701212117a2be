import type { IncomingMessage, ServerResponse } from "node:http";
import { mkdir, open, stat, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { gunzipSync } from "node:zlib";
import type { Machine } from "./machine.ts";
import { hasCode, isMissing, locate } from "./machine-paths.ts";
import { readParts } from "./multipart.ts";
import { Refusal, strange } from "./refusal.ts";

type Exchange = { machine: Machine; url: URL; incoming: IncomingMessage; response: ServerResponse };

function pathOf(url: URL): string | null {
  for (const name of url.searchParams.keys()) {
    if (name !== "path" && name !== "username") throw strange(`unknown query parameter ${name}`, 400);
  }
  const username = url.searchParams.get("username") ?? "user";
  if (username !== "user") throw strange(`username: only "user" is modelled, got "${username}"`);
  return url.searchParams.get("path");
}

/** GET /files: the bytes of a regular file. */
export async function sendFile({ machine, url, response }: Exchange): Promise<void> {
  const path = pathOf(url) ?? "";
  const missing = new Refusal(404, `path '${path}' does not exist`);
  const place = await locate(machine.root, path, { followLast: true });
  if (place === null) throw missing;
  const file = await open(place.host).catch((error: unknown) => {
    throw isMissing(error) ? missing : error;
  });
  try {
    const facts = await file.stat();
    if (facts.isDirectory()) throw new Refusal(400, `path '${place.inside}' is a directory`);
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": facts.size,
      "last-modified": facts.mtime.toUTCString(),
    });
    // Exactly the announced size: the file may grow while it is sent.
    if (facts.size === 0) response.end();
    else await pipeline(file.createReadStream({ end: facts.size - 1, autoClose: false }), response);
  } finally {
    await file.close();
  }
}

/** POST /files: writes a file (multipart: several) and makes the folders on the way; answers what was written. */
export async function takeFiles({ machine, url, incoming }: Exchange): Promise<unknown> {
  const path = pathOf(url);
  const type = incoming.headers["content-type"] ?? "";
  const sent = await buffer(incoming);
  const encoding = incoming.headers["content-encoding"];
  const body = encoding === "gzip" ? gunzipSync(sent) : sent;
  if (type.startsWith("application/octet-stream")) {
    if (path === null) throw strange("path query parameter is required for raw body upload", 400);
    return [await writeOne(machine, path, body)];
  }
  if (!type.startsWith("multipart/form-data")) {
    const message = `unsupported content type: ${type}, expected multipart/form-data or application/octet-stream`;
    throw strange(message, 400);
  }
  const written: Entry[] = [];
  for (const part of readParts(body, type)) {
    if (part.name !== "file") throw strange(`unknown form part ${part.name}`, 400);
    const entry = await writeOne(machine, path ?? part.filename, part.data);
    if (written.some((other) => other.path === entry.path)) {
      throw strange(
        `you cannot upload multiple files to the same path '${entry.path}' in one upload request`,
        400,
      );
    }
    written.push(entry);
  }
  return written;
}

type Entry = { path: string; name: string; type: "file" };

async function writeOne(machine: Machine, path: string, data: Buffer): Promise<Entry> {
  const place = await locate(machine.root, path, { followLast: true });
  if (place === null) throw new Refusal(500, `error opening file: ${path}: a link leads out of the machine`);
  const facts = await stat(place.host).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (facts?.isDirectory() === true) throw new Refusal(400, `path is a directory: ${place.inside}`);
  try {
    await mkdir(dirname(place.host), { recursive: true });
    await writeFile(place.host, data);
  } catch (error) {
    if (hasCode(error, "ENOSPC")) throw new Refusal(507, "not enough disk space available");
    if (hasCode(error, "ENOTDIR") || hasCode(error, "EEXIST")) {
      throw new Refusal(500, `error ensuring directories: ${dirname(place.inside)} is not a directory`);
    }
    throw error;
  }
  return { path: place.inside, name: basename(place.inside), type: "file" };
}
