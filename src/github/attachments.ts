import type { Octokit } from "@octokit/rest";
import type { Config } from "../config.ts";
import { TransientError, toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { downloadAttachment, type Download } from "./attachment-download.ts";
import { attachmentHosts, type AttachmentHosts } from "./attachment-hosts.ts";
import { attachmentLimits, formatBytes, type AttachmentLimits } from "./attachment-limits.ts";
import { attachmentName } from "./attachment-name.ts";
import type { AttachmentReference } from "./attachment-reference.ts";
import { retryReading } from "./attachment-retry.ts";
import { readSignedUrls } from "./attachment-signed-urls.ts";
import { sniffAttachment } from "./attachment-type.ts";
import { GitHubRefusal } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

export type AttachmentResult =
  | { kind: "file"; reference: AttachmentReference; fileName: string; label: string; bytes: Uint8Array }
  /** `reason`: the end of a sentence that begins with the file's name. */
  | { kind: "skipped"; reference: AttachmentReference; reason: string };

export type FetchAttachmentsDeps = { config: Pick<Config, "github">; log: Pick<Logger, "warn"> };

export type FetchAttachmentsInput = {
  octokit: Octokit;
  /** Of this one repository; shown to nothing but attachment addresses of the configured server. */
  token: string;
  repository: RepositoryRef;
  issueNumber: number;
  references: readonly AttachmentReference[];
  /** The task's own end: rejects with its reason. */
  signal: AbortSignal;
  limits?: Partial<AttachmentLimits>;
};

type Fetching = Omit<FetchAttachmentsInput, "limits"> & {
  deps: FetchAttachmentsDeps;
  hosts: AttachmentHosts;
  limits: AttachmentLimits;
  /** The task's end, or the end of the time that all of them together may take. */
  anyEnd: AbortSignal;
  /** By comment; null is the issue. */
  signedUrls: Map<number | null, Promise<ReadonlyMap<string, string>>>;
};

/**
 * The attached files, one at a time as they are asked for, so that no more than one is in memory. What cannot be had,
 * or is not what it should be, is named with the reason; only the end of the task is an exception.
 */
export async function* fetchAttachments(
  deps: FetchAttachmentsDeps,
  input: FetchAttachmentsInput,
): AsyncGenerator<AttachmentResult> {
  const limits = { ...attachmentLimits, ...input.limits };
  const anyEnd = AbortSignal.any([input.signal, AbortSignal.timeout(limits.totalTimeoutMs)]);
  const hosts = attachmentHosts(deps.config.github.serverUrl);
  const fetching: Fetching = { ...input, deps, hosts, limits, anyEnd, signedUrls: new Map() };
  let leftBytes = limits.maxTotalBytes;
  let position = 0;
  for (const reference of input.references) {
    const reason = whyNotFetched(reference) ?? (position < limits.maxFiles ? null : tooMany(limits));
    if (reason !== null) {
      yield { kind: "skipped", reference, reason };
      continue;
    }
    position += 1;
    const result = await fetchOne(fetching, { reference, position, leftBytes });
    if (result.kind === "file") leftBytes -= result.bytes.length;
    yield result;
  }
}

function whyNotFetched({ kind }: AttachmentReference): string | null {
  switch (kind) {
    case "foreign":
      return "not fetched: not attached to GitHub";
    case "expiring":
      return "not fetched: a copied link that dies within minutes; attach the file itself";
    case "video":
      return "not fetched: a video";
    case "unchecked":
      return "not fetched: the text around it is too intricate to tell what it shows";
    case "asset":
    case "file":
    case "image":
      return null;
  }
}

const tooMany = ({ maxFiles }: AttachmentLimits): string =>
  `not fetched: only the first ${maxFiles} attachments are`;

type One = { reference: AttachmentReference; position: number; leftBytes: number };

async function fetchOne(fetching: Fetching, one: One): Promise<AttachmentResult> {
  const { reference, position } = one;
  try {
    const download = await tryAll(fetching, one);
    if (download.kind !== "file")
      return { kind: "skipped", reference, reason: reasonOf(reference, download) };
    const { bytes, contentType } = download;
    const isImage = reference.kind !== "file";
    const type = await sniffAttachment(bytes, { name: reference.name, isImage, contentType });
    if (!type.ok) return { kind: "skipped", reference, reason: type.reason };
    const fileName = attachmentName({ position, name: reference.name, extension: type.extension });
    return { kind: "file", reference, fileName, label: type.label, bytes };
  } catch (error) {
    fetching.signal.throwIfAborted();
    return { kind: "skipped", reference, reason: explain(fetching, error) };
  }
}

function explain({ anyEnd, limits, deps }: Fetching, error: unknown): string {
  if (anyEnd.aborted)
    return `all attachments together took longer than ${Math.round(limits.totalTimeoutMs / 1_000)} s`;
  if (error instanceof TransientError) return `${error.message}; repeat the command later to have it`;
  deps.log.warn({ err: toError(error) }, "an attachment was skipped after an unexpected error");
  return "it could not be checked";
}

/** The ways to a file in turn, until one is not refused. Without the token first: a public file needs none. */
async function tryAll(fetching: Fetching, { reference, leftBytes }: One): Promise<Download> {
  const { hosts, limits, token, anyEnd } = fetching;
  const ways = [
    ...(await findSigned(fetching, reference)).map((url) => ({ url, token: null })),
    { url: reference.url, token: null },
    { url: reference.url, token },
  ];
  const url = URL.parse(reference.url);
  // The reference was made from a person's text at another time: what it may lead to is judged anew.
  if (url === null || hosts.classify(url) === null)
    return { kind: "failed", reason: "not fetched: not attached to GitHub" };
  let last: Download = { kind: "failed", reason: "there is no way to it" };
  for (const way of ways) {
    last = await retryReading(limits, anyEnd, () =>
      downloadAttachment({
        ...way,
        hosts,
        maxBytes: Math.min(limits.maxFileBytes, leftBytes),
        tooLarge:
          leftBytes < limits.maxFileBytes
            ? `larger than what is left of ${formatBytes(limits.maxTotalBytes)} for all attachments`
            : `larger than ${formatBytes(limits.maxFileBytes)}`,
        requestTimeoutMs: limits.requestTimeoutMs,
        signal: anyEnd,
      }),
    );
    if (last.kind !== "refused") break;
  }
  return last;
}

/** The signed address of an image, if GitHub lends one; one look per text. */
async function findSigned(fetching: Fetching, reference: AttachmentReference): Promise<string[]> {
  const place = URL.parse(reference.url);
  const found = place === null ? null : fetching.hosts.classify(place);
  if (found?.kind !== "asset" || found.uuid === null) return [];
  const known = fetching.signedUrls.get(reference.commentId) ?? readSigned(fetching, reference.commentId);
  fetching.signedUrls.set(reference.commentId, known);
  const url = (await known).get(found.uuid);
  return url === undefined ? [] : [url];
}

async function readSigned(
  fetching: Fetching,
  commentId: number | null,
): Promise<ReadonlyMap<string, string>> {
  const { octokit, repository, issueNumber, hosts, limits, anyEnd } = fetching;
  try {
    return await retryReading(limits, anyEnd, () =>
      readSignedUrls(octokit, { repository, issueNumber, commentId, hosts, signal: anyEnd }),
    );
  } catch (error) {
    anyEnd.throwIfAborted();
    // The text may be gone by now; its public files can still be had without it.
    if (error instanceof GitHubRefusal || error instanceof TransientError) return new Map();
    throw error;
  }
}

function reasonOf(reference: AttachmentReference, download: Exclude<Download, { kind: "file" }>): string {
  if (download.kind === "failed") return download.reason;
  return reference.kind === "file"
    ? `GitHub answered ${download.status}; in a private repository it hands files other than images to browsers only, so paste the text instead`
    : `GitHub answered ${download.status}: deleted, or part of another repository`;
}
