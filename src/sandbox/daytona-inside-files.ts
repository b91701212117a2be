export type InsideReadRequest = {
  path: string;
  maxBytes: number;
  /** Up to so many bytes come with the answer. */
  inlineBytes: number;
};

export type InsideReadAnswer =
  | { kind: "absent" }
  | { kind: "refused"; reason: string }
  | { kind: "bytes"; data: string }
  | { kind: "large" };

export type InsidePlaceRequest = {
  path: string;
  mode: number;
  /** base64; null: the file at `source` is moved. */
  data: string | null;
  source: string;
};

/** Runs inside the machine as text: a regular file in plain folders, or why not. */
export function readInside(request: InsideReadRequest): InsideReadAnswer {
  const fs = process.getBuiltinModule("node:fs");
  const { path, maxBytes } = request;
  const obstacle = obstacleOn(path, false);
  if (obstacle !== null) return { kind: "refused", reason: obstacle };
  let fd: number;
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
    // O_NONBLOCK: a named pipe would keep the open waiting for a writer.
    fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOENT") return { kind: "absent" };
    return { kind: "refused", reason: "expected a readable regular file at " + path + ", found " + code };
  }
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile())
      return { kind: "refused", reason: "expected a regular file at " + path + ", found something else" };
    if (stat.size > maxBytes)
      return {
        kind: "refused",
        reason: `expected at most ${maxBytes} bytes in ${path}, found ${stat.size}`,
      };
    if (stat.size > request.inlineBytes) return { kind: "large" };
    const buffer = Buffer.alloc(stat.size);
    let length = 0;
    for (;;) {
      const read = fs.readSync(fd, buffer, length, buffer.length - length, length);
      length += read;
      if (read === 0 || length === buffer.length) break;
    }
    return { kind: "bytes", data: buffer.toString("base64", 0, length) };
  } finally {
    fs.closeSync(fd);
  }
}

/** Runs inside the machine as text: puts a file in plain folders in the place of whatever is there; a sentence says why it cannot. */
export function placeInside(request: InsidePlaceRequest): { refused: string | null } {
  const fs = process.getBuiltinModule("node:fs");
  const { path, source, mode } = request;
  const obstacle = obstacleOn(path, true);
  if (obstacle !== null) return { refused: obstacle };
  // Beside its place: home and workspace may be two file systems, and only a rename is at once.
  const draft = path.slice(0, path.lastIndexOf("/")) + source.slice(source.lastIndexOf("/"));
  try {
    if (request.data === null && source !== draft) fs.copyFileSync(source, draft);
    else if (request.data !== null)
      fs.writeFileSync(draft, Buffer.from(request.data, "base64"), { mode: 0o600 });
    fs.chmodSync(draft, mode);
    // It replaces a link instead of writing through it.
    fs.renameSync(draft, path);
    if (request.data === null) fs.rmSync(source, { force: true });
  } catch (error) {
    fs.rmSync(draft, { force: true });
    return {
      refused: `expected room for a file at ${path}, found ${String((error as NodeJS.ErrnoException).code)}`,
    };
  }
  return { refused: null };
}

/** Why the folders on the way to a path are not plain ones; they are made where asked. */
function obstacleOn(path: string, make: boolean): string | null {
  const fs = process.getBuiltinModule("node:fs");
  const parts = path.split("/").slice(1, -1);
  let at = "";
  for (const part of parts) {
    at += "/" + part;
    const stat = fs.lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined && !make) return null;
    try {
      if (stat === undefined) fs.mkdirSync(at, { mode: 0o755 });
      else if (!stat.isDirectory())
        return "expected " + path + " to lie in plain folders, found something else at " + at;
    } catch (error) {
      return "expected to make the folder " + at + ", got " + String((error as NodeJS.ErrnoException).code);
    }
  }
  return null;
}

/** What both need beside them. */
export const insideFilesParts = [obstacleOn] as const;
