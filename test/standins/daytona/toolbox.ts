import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { downloadBody, executeBody } from "./control-bodies.ts";
import { parse } from "./control.ts";
import { readFields } from "./multipart.ts";
import { Refusal } from "./refusal.ts";
import type { Machine, World } from "./world.ts";

/** What a program in the machine sees of the daemon's own environment: a clean command must not. */
const daemonEnv = {
  DAYTONA_SANDBOX_AUTH: "daemon-only-0123456789",
  HOME: "/home/user",
  USER: "user",
  LANG: "POSIX",
};

/** The daemon in a machine as the SDK speaks to it through Daytona's proxy. Null: there is no such route. */
export async function answerToolbox(
  world: World,
  input: {
    machine: Machine;
    method: string;
    path: string;
    request: IncomingMessage;
    response: ServerResponse;
  },
): Promise<{ status: number; body: unknown } | "streamed" | null> {
  const { machine, method, path, request, response } = input;
  if (method !== "POST") return null;
  const json = async () => JSON.parse((await buffer(request)).toString("utf8")) as unknown;
  switch (path) {
    case "/process/execute": {
      const body = parse(world, executeBody, await json());
      return execute(world, machine, body);
    }
    case "/files/bulk-upload":
      return upload(world, machine, request);
    case "/files/bulk-download": {
      const { paths } = parse(world, downloadBody, await json());
      await download(world, { machine, paths, response });
      return "streamed";
    }
    default:
      return null;
  }
}

function envOf(world: World, { record }: Machine): Record<string, string> {
  const path = [...world.toolPaths, "/usr/local/bin", "/usr/bin", "/bin"].join(":");
  return { ...daemonEnv, ...record.env, PATH: path };
}

type Run = { exitCode: number; stdout: Buffer; timedOut: boolean };

async function run(
  world: World,
  {
    machine,
    cmd,
    args,
    stdin,
    timeoutMs,
  }: {
    machine: Machine;
    cmd: string;
    args: readonly string[];
    stdin: Buffer;
    timeoutMs: number;
  },
): Promise<Run> {
  const { host } = machine;
  if (host === null) throw new Refusal(400, "bad request: the sandbox is not started");
  const env = envOf(world, machine);
  const started = host.start({ cmd, args, cwd: "/home/user", env, stdin: true });
  const { child } = await started.catch((error: unknown) => {
    if (machine.host === host && machine.record.state === "started") throw error;
    throw new Refusal(502, "the sandbox was stopped");
  });
  // Both streams as one, as the daemon gives them.
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(stdin);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, timeoutMs);
  // Like Go's Wait: until nobody holds the pipes any more.
  const exitCode = await new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)));
  clearTimeout(timer);
  return { exitCode, stdout: Buffer.concat(chunks), timedOut };
}

async function execute(world: World, machine: Machine, body: { command: string; timeout: number }) {
  const { exitCode, stdout, timedOut } = await run(world, {
    ...{ machine, cmd: "/bin/bash", args: [], stdin: Buffer.from(body.command) },
    timeoutMs: body.timeout * 1_000,
  });
  if (timedOut) throw new Refusal(408, "command execution timeout");
  if (machine.host === null) throw new Refusal(502, "the sandbox was stopped");
  return { status: 200, body: { exitCode, result: stdout.toString("utf8") } };
}

async function upload(world: World, machine: Machine, request: IncomingMessage) {
  const fields = readFields(await buffer(request), request.headers["content-type"] ?? "");
  const path = fields?.get("files[0].path")?.toString("utf8");
  const content = fields?.get("files[0].file");
  if (fields?.size !== 2 || path === undefined || content === undefined) {
    // A sender that broke off is no violation: its connection is gone, too.
    if (fields !== null)
      world.violations.push(`expected one file with its path, got ${[...fields.keys()].join()}`);
    throw new Refusal(400, "expected one file with its path");
  }
  const { exitCode, stdout } = await run(world, {
    ...{ machine, cmd: "/bin/sh", timeoutMs: 60_000, stdin: content },
    args: ["-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "upload", path],
  });
  if (exitCode !== 0) throw new Refusal(400, stdout.toString("utf8"));
  return { status: 200, body: { files: [{ path, bytes: content.length }] } };
}

/** As the daemon writes it: plain for old readers, and exact. */
function fileName(path: string): string {
  const plain = path.replaceAll(/[\\"]/g, "\\$&").replaceAll(/[^\x20-\x7e]/g, "_");
  const exact = encodeURIComponent(path).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  return `filename="${plain}"; filename*=utf-8''${exact}`;
}

async function download(
  world: World,
  { machine, paths, response }: { machine: Machine; paths: readonly string[]; response: ServerResponse },
): Promise<void> {
  const boundary = "DAYTONA-FILE-BOUNDARY";
  const parts: Buffer[] = [];
  for (const path of paths) {
    const { exitCode, stdout } = await run(world, {
      ...{ machine, cmd: "/bin/cat", args: ["--", path], timeoutMs: 60_000, stdin: Buffer.alloc(0) },
    });
    const isFile = exitCode === 0;
    const error = { statusCode: 404, message: `file not found: ${path}`, code: "FILE_NOT_FOUND" };
    const content = isFile ? stdout : Buffer.from(JSON.stringify(error));
    const head = [
      `--${boundary}`,
      `Content-Disposition: form-data; name="${isFile ? "file" : "error"}"; ${fileName(path)}`,
      `Content-Type: ${isFile ? "application/octet-stream" : "application/json; charset=utf-8"}`,
      ...(isFile ? [`Content-Length: ${content.length}`] : []),
    ].join("\r\n");
    parts.push(Buffer.from(`${head}\r\n\r\n`), content, Buffer.from("\r\n"));
  }
  response.writeHead(200, { "content-type": `multipart/form-data; boundary=${boundary}` });
  const whole = Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
  const cut = world.cutDownloads.shift();
  if (cut === undefined) response.end(whole);
  // In good order as far as HTTP goes: a proxy does that when the daemon behind it breaks off.
  else response.end(whole.subarray(0, cut));
}
