import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { repositoryNamed } from "./world.ts";
import type { World } from "./world.ts";
import { atLeast, roleOf } from "./roles.ts";
import type { Account, Actor, Repository } from "./state.ts";

/** A file that somebody dropped into a text. */
export type Attachment = {
  /** In the address of an image or video, and in that of the stored bytes. */
  uuid: string;
  /** In the address of any other file. */
  fileId: number;
  name: string;
  contentType: string;
  data: Buffer;
  repositoryId: number;
  userId: number;
};

export type Attached = {
  url: string;
  /** What GitHub's editor puts into the text. */
  markdown: string;
};

// GitHub's list ("Attaching files") as far as tests need it; assets are shown in the text, all others are linked.
const assetTypes: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
  mp4: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
};
const fileTypes: Readonly<Record<string, string>> = {
  log: "text/plain",
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  json: "application/json",
  html: "text/html",
  pdf: "application/pdf",
  zip: "application/zip",
  gz: "application/gzip",
  tgz: "application/gzip",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  dmp: "application/octet-stream",
};
const maxBytes = { asset: 10 * 1024 * 1024, file: 25 * 1024 * 1024 };

// The bytes lie behind an address that is signed for this long.
const signedForMs = 5 * 60_000;
const secret = randomBytes(32);

/** Dropping a file into the editor of a thread; throws what GitHub's editor would say. */
export function addAttachment(
  world: World,
  input: { user: Account; repo: string; name: string; data: Buffer | string },
): Attached {
  const { user, name } = input;
  const repository = repositoryNamed(world, input.repo);
  if (!mayRead(world, repository, { kind: "user", user }))
    throw new Error(`${user.login} cannot see ${input.repo}.`);
  const ending = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const assetType = assetTypes[ending];
  const contentType = assetType ?? fileTypes[ending];
  if (contentType === undefined) throw new Error(`GitHub does not take files like ${name}.`);
  const data = Buffer.from(input.data);
  const limit = assetType === undefined ? maxBytes.file : maxBytes.asset;
  if (data.length > limit) throw new Error(`GitHub takes ${limit} bytes for ${name}, got ${data.length}.`);
  const attachment: Attachment = {
    uuid: randomUUID(),
    fileId: world.attachments.length + 18_000_001,
    // GitHub keeps a file's name, but for what stands badly in an address.
    name: name.replaceAll(/[^\w.-]+/g, "."),
    contentType,
    data,
    repositoryId: repository.id,
    userId: user.id,
  };
  world.attachments.push(attachment);
  const url = attachmentUrl(world, attachment);
  if (contentType.startsWith("video/")) return { url, markdown: url };
  return { url, markdown: assetType === undefined ? `[${name}](${url})` : `![Image](${url})` };
}

export function isAsset({ contentType }: Attachment): boolean {
  return Object.values(assetTypes).includes(contentType);
}

function attachmentUrl(world: World, attachment: Attachment): string {
  const { uuid, fileId, name } = attachment;
  const place = isAsset(attachment) ? `assets/${uuid}` : `files/${fileId}/${name}`;
  return `${world.url}/user-attachments/${place}`;
}

/** An address at which anybody gets the bytes for five minutes. */
export function signedUrl(world: World, { uuid, userId }: Attachment): string {
  const expiresAt = world.now().getTime() + signedForMs;
  return `${world.url}/storage/user/${userId}/files/${uuid}?token=${expiresAt}.${sign(uuid, expiresAt)}`;
}

export function isSignedNow(world: World, attachment: Attachment, token: string): boolean {
  const [expiresAt, signature] = token.split(".");
  if (signature !== sign(attachment.uuid, Number(expiresAt))) return false;
  return Number(expiresAt) > world.now().getTime();
}

function sign(uuid: string, expiresAt: number): string {
  return createHmac("sha256", secret).update(`${uuid} ${expiresAt}`).digest("hex");
}

/** Whether GitHub's web pages show it: an App's token opens nothing there. */
export function mayRead(world: World, repository: Repository, actor: Actor): boolean {
  if (!repository.isPrivate) return true;
  return actor.kind === "user" && atLeast(roleOf(world, repository, actor.user), "read");
}
