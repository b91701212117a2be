import type { AttachmentResult } from "../github/attachments.ts";
import { SandboxError, type Sandbox } from "../sandbox/sandbox.ts";
import { turnFiles } from "./turn-files.ts";

type Skipped = Extract<AttachmentResult, { kind: "skipped" }>;
type Fetched = Extract<AttachmentResult, { kind: "file" }>;

export type PutAttachment = Pick<Fetched, "reference" | "label"> & {
  /** Inside the sandbox. */
  path: string;
  sizeBytes: number;
};

export type PutAttachments = { files: PutAttachment[]; skipped: Skipped[] };

type Machine = Pick<Sandbox, "paths" | "remove" | "writeFile" | "readFile">;

/**
 * Writes the files of this turn beside the checkout, never into it, one by one as they come, and takes those of
 * the turn before away. Rejects only when the machine fails, or when `results` does.
 */
export async function putAttachments(
  sandbox: Machine,
  results: Iterable<AttachmentResult> | AsyncIterable<AttachmentResult>,
): Promise<PutAttachments> {
  const folder = turnFiles(sandbox).attachments;
  const note = `${folder}/.given`;
  const put: PutAttachments = { files: [], skipped: [] };
  let isClear = false;
  const clear = async (): Promise<void> => {
    if (!isClear) await sandbox.remove(folder);
    isClear = true;
  };
  if (await mayHoldFiles(sandbox, note)) await clear();
  for await (const result of results) {
    if (result.kind === "skipped") {
      put.skipped.push(result);
      continue;
    }
    if (put.files.length === 0) {
      await clear();
      await sandbox.writeFile(note, "attachments\n");
    }
    const path = `${folder}/${result.fileName}`;
    await sandbox.writeFile(path, result.bytes);
    const { reference, label } = result;
    put.files.push({ reference, label, path, sizeBytes: result.bytes.length });
  }
  return put;
}

/** Most turns have none and left none: they are spared a command in the machine. */
async function mayHoldFiles(sandbox: Machine, note: string): Promise<boolean> {
  try {
    return (await sandbox.readFile(note, { maxBytes: 64 })) !== null;
  } catch (error) {
    // The agent has put something else there.
    if (error instanceof SandboxError && error.fault === "refused") return true;
    throw error;
  }
}
