import type { IncomingMessage, ServerResponse } from "node:http";
import { isAsset, isSignedNow, mayRead, signedUrl } from "./attachments.ts";
import type { Attachment } from "./attachments.ts";
import { authenticate } from "./auth.ts";
import type { Fault } from "./faults.ts";
import { HttpError } from "./http-error.ts";
import { actorName } from "./rest.ts";
import type { Actor } from "./state.ts";
import { must, stamp } from "./world.ts";
import type { World } from "./world.ts";

type Exchange = {
  world: World;
  incoming: IncomingMessage;
  response: ServerResponse;
  url: URL;
  strike: (response: ServerResponse, fault: Fault) => Promise<boolean>;
};

type Operation = { operationId: string; attachment: Attachment | undefined };

/** Whether an address is that of an attachment or of stored bytes. */
export function isAttachmentPath(path: string): boolean {
  return path.startsWith("/user-attachments/") || path.startsWith("/storage/user/");
}

/** Pages that lead to an attachment's bytes (302 to a signed address, 404 for whoever may not see it), and the bytes. */
export async function serveAttachment(exchange: Exchange): Promise<void> {
  const { world, incoming, response, url, strike } = exchange;
  const method = incoming.method ?? "";
  incoming.resume();
  const { operationId, attachment } = findOperation(world, url.pathname);
  const subject = { operationId, method, path: url.pathname };
  const before = world.faults.take("before", subject);
  if (before !== undefined && (await strike(response, before))) {
    record(exchange, { operationId, actor: "fault", status: before.status ?? 0 });
    return;
  }
  if (method !== "GET" && method !== "HEAD") {
    world.violations.push(`${operationId}: expected GET, got ${method}`);
    response.writeHead(405).end();
    return;
  }
  const authorization = incoming.headers.authorization;
  if (operationId === "attachments/storage") {
    answerBytes(exchange, attachment, authorization);
    return;
  }
  const actor = actorOf(world, authorization);
  const repository = attachment === undefined ? undefined : world.repositories.get(attachment.repositoryId);
  const allowed = repository !== undefined && mayRead(world, repository, actor);
  record(exchange, { operationId, actor: actorName(actor), status: allowed ? 302 : 404 });
  if (allowed) response.writeHead(302, { location: signedUrl(world, must(attachment, "attachment")) }).end();
  else
    response
      .writeHead(404, { "content-type": "text/html; charset=utf-8" })
      .end("<!DOCTYPE html><h1>Not Found</h1>");
}

function findOperation(world: World, path: string): Operation {
  const asset = /^\/user-attachments\/assets\/([\w-]+)$/.exec(path)?.[1];
  const file = /^\/user-attachments\/files\/(\d+)\/([^/]+)$/.exec(path);
  const stored = /^\/storage\/user\/\d+\/files\/([\w-]+)$/.exec(path)?.[1];
  const find = (matches: (attachment: Attachment) => boolean) => world.attachments.find(matches);
  if (stored !== undefined)
    return { operationId: "attachments/storage", attachment: find(({ uuid }) => uuid === stored) };
  if (file !== null) {
    const attachment = find((it) => !isAsset(it) && it.fileId === Number(file[1]) && it.name === file[2]);
    return { operationId: "attachments/file", attachment };
  }
  const attachment = find((it) => isAsset(it) && it.uuid === asset);
  return { operationId: "attachments/asset", attachment };
}

function answerBytes(
  exchange: Exchange,
  attachment: Attachment | undefined,
  authorization: string | undefined,
): void {
  const { world, response, url } = exchange;
  const operationId = "attachments/storage";
  const refuse = (status: number, code: string): void => {
    record(exchange, { operationId, actor: "anonymous", status });
    response
      .writeHead(status, { "content-type": "application/xml" })
      .end(`<Error><Code>${code}</Code></Error>`);
  };
  if (authorization !== undefined) {
    world.violations.push("attachments/storage: a signed address was asked with an Authorization header");
    refuse(400, "InvalidArgument");
    return;
  }
  if (attachment === undefined || !isSignedNow(world, attachment, url.searchParams.get("token") ?? "")) {
    refuse(403, "AccessDenied");
    return;
  }
  record(exchange, { operationId, actor: "anonymous", status: 200 });
  const { contentType, data } = attachment;
  response.writeHead(200, { "content-type": contentType, "content-length": data.length }).end(data);
}

/** A web page takes a bad credential for none. */
function actorOf(world: World, authorization: string | undefined): Actor {
  try {
    return authenticate(world, authorization);
  } catch (error) {
    if (error instanceof HttpError) return { kind: "anonymous" };
    throw error;
  }
}

function record(
  { world, incoming, url }: Exchange,
  entry: { operationId: string; actor: string; status: number },
): void {
  const { method = "" } = incoming;
  world.requests.push({ method, path: url.pathname, at: stamp(world), ...entry });
}
