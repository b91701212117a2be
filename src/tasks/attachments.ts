import type { Deps } from "../deps.ts";
import { fetchAttachments } from "../github/attachments.ts";
import type { AttachmentReference } from "../github/attachment-reference.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { toSkippedAttachment, type SkippedAttachment } from "../github/attachments-notice.ts";
import { putAttachments } from "../sessions/put-attachments.ts";
import { freezeAttachments } from "./attachments-freeze.ts";
import { renderAttachments } from "./attachments-prompt.ts";
import type { FrozenContext } from "./frozen-context.ts";

export type AttachmentTask = {
  issueNumber: number;
  instruction: string;
  triggerCommentId: number | null;
  requesterLogin: string;
  context: FrozenContext & { attachments: readonly AttachmentReference[] };
};

export type ProvidedAttachments = {
  /** For the prompt; null: nothing was attached. */
  prompt: string | null;
  /** For the thread. */
  skipped: SkippedAttachment[];
};

/**
 * Gives the agent what was attached to the texts that its task was frozen with: the issue, the admitted comments, and
 * the request itself. What is attached later, or by people whose text is left out, is not looked at.
 */
export async function provideAttachments(
  deps: Pick<Deps, "config" | "log">,
  input: {
    task: AttachmentTask;
    reader: Pick<RepositoryClient, "octokit" | "token" | "owner" | "name">;
    sandbox: Sandbox;
    /** The machine holds none of an earlier turn. */
    clean: boolean;
    signal: AbortSignal;
  },
): Promise<ProvidedAttachments> {
  const { task, reader, sandbox, signal } = input;
  const references = listReferences(task, deps.config.github.serverUrl);
  if (references.length === 0 && input.clean) return { prompt: null, skipped: [] };
  const results = fetchAttachments(deps, {
    octokit: reader.octokit,
    token: reader.token,
    repository: { owner: reader.owner, name: reader.name },
    issueNumber: task.issueNumber,
    references,
    signal,
  });
  const put = await putAttachments(sandbox, results);
  return { prompt: renderAttachments(put), skipped: put.skipped.map(toSkippedAttachment) };
}

/** The request comes last, so that a file keeps its name from turn to turn. */
function listReferences(task: AttachmentTask, serverUrl: string): AttachmentReference[] {
  const asked = freezeAttachments(
    [
      {
        where: "command",
        commentId: task.triggerCommentId,
        author: task.requesterLogin,
        at: null,
        body: task.instruction,
      },
    ],
    { serverUrl },
  );
  const earlier = new Set(task.context.attachments.map(({ url }) => url));
  return [...task.context.attachments, ...asked.filter(({ url }) => !earlier.has(url))];
}
