import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { readOperation, type S3Operation } from "./read-request.ts";
import { isViolation, sendError, type S3Error } from "./s3-error.ts";
import { openFailures, type FailureList, type S3Failure } from "./s3-faults.ts";
import { operate, type Answer, type S3Object } from "./s3-objects.ts";
import { checkSignature } from "./signature.ts";

export type S3Options = {
  port?: number;
  bucket?: string;
  region?: string;
  accessKeyId?: string;
  secretAccessKey?: string;
  /** At most so many objects a page of a list, whatever a client asks for. */
  pageSize?: number;
  /** The service's clock. */
  now?: () => Date;
  /** What an earlier server held: an outage outlives nothing. */
  objects?: Map<string, S3Object>;
};

export type S3Request = {
  method: string;
  /** Path and query. */
  url: string;
  key: string;
  status: number | null;
  headers: IncomingMessage["headers"];
};

export type S3Standin = {
  /** https://HOST/BUCKET in the real world. */
  url: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  requests: readonly S3Request[];
  /** What a client of ours did that it must never do; a test that ends with one has failed. */
  violations: readonly string[];
  /** The live objects; tests may change them. */
  objects(): Map<string, S3Object>;
  fault(failure: S3Failure): void;
  close(): Promise<void>;
};

/** Starts a server that speaks S3's REST API as far as one bucket of whole objects goes, on 127.0.0.1 over plain HTTP. */
export async function startS3(options: S3Options = {}): Promise<S3Standin> {
  const bucket = options.bucket ?? "checkpoints";
  const service: Service = {
    bucket,
    credentials: {
      region: options.region ?? "eu-central-1",
      accessKeyId: options.accessKeyId ?? "AKIASTANDIN000000001",
      secretAccessKey: options.secretAccessKey ?? randomBytes(30).toString("base64"),
    },
    objects: options.objects ?? new Map<string, S3Object>(),
    pageSize: options.pageSize ?? 1000,
    now: options.now ?? (() => new Date()),
    failures: openFailures(),
    requests: [],
    violations: [],
  };
  const server = createServer((request, response) => {
    serve(service, request, response).catch((error: unknown) => {
      // A client that hangs up in the middle of an upload ends the reading of it.
      if (error instanceof Error && "code" in error && error.code === "ECONNRESET") return;
      service.violations.push(`the stand-in itself failed: ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${bucket}`,
    ...service.credentials,
    requests: service.requests,
    violations: service.violations,
    objects: () => service.objects,
    fault: (failure) => service.failures.add(failure),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

type Service = {
  bucket: string;
  credentials: { region: string; accessKeyId: string; secretAccessKey: string };
  objects: Map<string, S3Object>;
  pageSize: number;
  now: () => Date;
  failures: FailureList;
  requests: S3Request[];
  violations: string[];
};

async function serve(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const operation = readOperation(request, service.bucket);
  const [method, key] =
    "refused" in operation ? [String(request.method), ""] : [operation.method, operation.key];
  const record: S3Request = { method, url: String(request.url), key, status: null, headers: request.headers };
  service.requests.push(record);
  response.on("finish", () => (record.status = response.statusCode));
  if ("refused" in operation) {
    if (isViolation(operation.refused)) service.violations.push(operation.refused.violation);
    const error = isViolation(operation.refused) ? operation.refused.error : operation.refused;
    await refuseEarly(request, response, error);
    return;
  }
  const before = service.failures.take("before", method, key);
  if (before !== null && "reset" in before) {
    request.socket.destroy();
    return;
  }
  const target = request.url ?? "";
  const signed = { method: request.method ?? "", target, rawHeaders: request.rawHeaders };
  const refused = checkSignature(signed, service.credentials, service.now());
  if (refused !== null) {
    await refuseEarly(request, response, refused);
    return;
  }
  const body = await buffer(request);
  if (before !== null) {
    fail(request, response, before);
    return;
  }
  await act(service, { request, response, operation, body });
}

async function act(
  service: Service,
  call: { request: IncomingMessage; response: ServerResponse; operation: S3Operation; body: Buffer },
): Promise<void> {
  const { request, response, operation, body } = call;
  const sha256 = createHash("sha256").update(body).digest("hex");
  const announced = String(request.headers["x-amz-content-sha256"]);
  if (announced !== sha256 && (operation.method === "PUT" || announced !== "UNSIGNED-PAYLOAD")) {
    const message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    sendRefusal(request, response, { status: 400, code: "XAmzContentSHA256Mismatch", message });
    return;
  }
  const { bucket: name, objects, pageSize } = service;
  const answer = operate({ name, objects, pageSize, now: service.now() }, operation, body);
  const after = service.failures.take("after", operation.method, operation.key);
  if ("refused" in answer) {
    sendRefusal(request, response, answer.refused);
    return;
  }
  if (after !== null && !("cutAfterBytes" in after) && !("damage" in after)) {
    fail(request, response, after);
    return;
  }
  response.writeHead(answer.status, {
    "x-amz-request-id": requestId(),
    server: "S3-stand-in",
    ...answer.headers,
  });
  await sendBody(response, answer, after);
}

async function sendBody(response: ServerResponse, answer: Answer, failure: S3Failure | null): Promise<void> {
  if (failure !== null && "cutAfterBytes" in failure) {
    response.write(answer.body.subarray(0, failure.cutAfterBytes));
    // Whoever cuts at once may cut before anything has left.
    await new Promise((resolve) => response.socket?.write("", resolve));
    response.destroy();
    return;
  }
  const body = Buffer.from(answer.body);
  const middle = Math.floor(body.length / 2);
  if (failure !== null && "damage" in failure) body[middle] = (body[middle] ?? 0) ^ 1;
  response.end(body);
}

function fail(request: IncomingMessage, response: ServerResponse, failure: S3Failure): void {
  if ("reset" in failure) request.socket.destroy();
  else if ("body" in failure)
    response.writeHead(failure.status, { "content-type": "text/html" }).end(failure.body);
  else if ("code" in failure) {
    const { status, code, headers } = failure;
    const message = "This went wrong on purpose";
    sendRefusal(request, response, { status, code, message, ...(headers === undefined ? {} : { headers }) });
  }
}

/** S3 does not read an upload that it refuses by its head: it answers and hangs up. */
async function refuseEarly(
  request: IncomingMessage,
  response: ServerResponse,
  error: S3Error,
): Promise<void> {
  sendRefusal(request, response, { ...error, headers: { ...error.headers, connection: "close" } });
  await once(response, "close");
  request.socket.destroy();
}

function sendRefusal(request: IncomingMessage, response: ServerResponse, error: S3Error): void {
  const resource = String(request.url).split("?")[0] ?? "";
  sendError(response, error, { resource, requestId: requestId(), withBody: request.method !== "HEAD" });
}

function requestId(): string {
  return randomBytes(8).toString("hex").toUpperCase();
}
