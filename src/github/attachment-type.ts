import { isUtf8 } from "node:buffer";

/** What the bytes are: `label` for people, `extension` the ending they ask for (null: the name's own fits). */
export type AttachmentType =
  { ok: true; label: string; extension: string | null } | { ok: false; reason: string };

export type TypeHint = {
  name: string;
  /** GitHub keeps images and videos as assets, and everything else as files under their own names. */
  isImage: boolean;
  /** As the storage says; only believed when it says that a web page came. */
  contentType: string | null;
};

/** As much of a file as its kind is told from; no more of it is ever looked into on this host. */
export const headBytes = 4_100;

/** What an agent can read or unpack, with the endings that fit; the first is the usual one. */
const binaries: Readonly<Record<string, { label: string; endings: readonly [string, ...string[]] }>> = {
  png: { label: "PNG image", endings: ["png", "apng"] },
  apng: { label: "PNG image", endings: ["png", "apng"] },
  jpg: { label: "JPEG image", endings: ["jpg", "jpeg", "jfif"] },
  gif: { label: "GIF image", endings: ["gif"] },
  webp: { label: "WebP image", endings: ["webp"] },
  pdf: { label: "PDF", endings: ["pdf"] },
  zip: { label: "ZIP archive", endings: ["zip"] },
  gz: { label: "gzip archive", endings: ["gz", "tgz"] },
  "tar.gz": { label: "gzip archive", endings: ["gz", "tgz"] },
};

const binaryEndings =
  /\.(?:png|apng|jpe?g|jfif|gif|webp|pdf|zip|t?gz|mp4|mov|webm|bmp|ico|heic|docx?|xlsx?|pptx?)$/i;

const onlyThese = "only images, PDF, zip, gzip and text are";

/** Why a file that begins so is not wanted, before the rest of it has come; null: it may be. */
export async function refuseHead(head: Uint8Array): Promise<string | null> {
  const detected = await detect(head);
  if (detected !== null && detected in binaries) return null;
  if (!head.includes(0) || hasUtf16Mark(head)) return null;
  return detected === null ? `unknown binary; ${onlyThese} taken` : `a ${detected} file; ${onlyThese} taken`;
}

/** Tells from the bytes what a file is; neither its name nor its sender is believed. */
export async function sniffAttachment(bytes: Uint8Array, hint: TypeHint): Promise<AttachmentType> {
  if (bytes.length === 0) return { ok: false, reason: "it is empty" };
  const head = bytes.subarray(0, headBytes);
  const detected = await detect(head);
  const binary = detected === null ? undefined : binaries[detected];
  if (binary !== undefined) {
    const [usual, ...others] = binary.endings;
    const fits = [usual, ...others].some((ending) => hint.name.toLowerCase().endsWith(`.${ending}`));
    return { ok: true, label: binary.label, extension: fits ? null : usual };
  }
  if (isText(bytes)) return sniffText(head, hint);
  const what = detected === null ? "unknown binary" : `a ${detected} file`;
  return { ok: false, reason: `${what}; ${onlyThese} taken` };
}

function sniffText(head: Uint8Array, hint: TypeHint): AttachmentType {
  const start = Buffer.from(head).toString("utf8").trimStart().toLowerCase();
  const isPage = /^(?:<!--[\s\S]{0,1000}?-->\s*)?<(?:!doctype html|html|head|body)\b/.test(start);
  const saysPage = hint.contentType?.toLowerCase().startsWith("text/html") === true;
  if (isPage && (saysPage || hint.isImage) && !/\.html?$/i.test(hint.name)) {
    return { ok: false, reason: "a web page came in its place" };
  }
  if (
    hint.isImage &&
    /^(?:<\?xml[\s\S]{0,500}?\?>\s*)?(?:<!--[\s\S]{0,1000}?-->\s*|<!doctype svg[^>]*>\s*)*<svg\b/.test(start)
  ) {
    return { ok: true, label: "SVG source, as text", extension: "svg" };
  }
  if (hint.isImage) return { ok: false, reason: "an image was expected, text came" };
  if (binaryEndings.test(hint.name)) return { ok: false, reason: "its bytes are text, against its name" };
  return { ok: true, label: "text", extension: /\.[A-Za-z0-9]{1,8}$/.test(hint.name) ? null : "txt" };
}

/** The package is only loaded where a file has come. */
async function detect(head: Uint8Array): Promise<string | null> {
  const { fileTypeFromBuffer } = await import("file-type");
  return (await fileTypeFromBuffer(head))?.ext ?? null;
}

function isText(bytes: Uint8Array): boolean {
  if (!hasUtf16Mark(bytes)) return isUtf8(bytes) && !bytes.includes(0);
  // What PowerShell writes.
  try {
    new TextDecoder(bytes[0] === 0xff ? "utf-16le" : "utf-16be", { fatal: true }).decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

const hasUtf16Mark = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
