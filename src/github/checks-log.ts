import type { Octokit } from "@octokit/rest";
import { isMissing, toGitHubError } from "./github-error.ts";
import type { RepositoryRef } from "./thread.ts";

/** Of a log; a longer one is read only so far. */
const maxLogBytes = 64 * 1_048_576;
const keptBytes = 256 * 1_024;
const timeoutMs = 30_000;

/**
 * The end of a GitHub Actions job's log, without its time stamps and colours, cut behind its last error; null where it is not
 * to be had (gone, or not for us). The job of a check run of GitHub Actions has the run's own id.
 */
export async function readLogTail(
  octokit: Octokit,
  input: { repository: RepositoryRef; jobId: number; maxBytes: number },
): Promise<string | null> {
  const { repository, jobId, maxBytes } = input;
  const url = await findLog(octokit, { repository, jobId });
  if (url === null) return null;
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    return null;
  }
  return tailOf(toPlainLog(await readEnd(response.body)), maxBytes);
}

/** GitHub answers with the address of the file, which takes no credential of ours. */
async function findLog(
  octokit: Octokit,
  { repository, jobId }: { repository: RepositoryRef; jobId: number },
): Promise<string | null> {
  try {
    const { headers } = await octokit.rest.actions.downloadJobLogsForWorkflowRun({
      ...{ owner: repository.owner, repo: repository.name, job_id: jobId },
      request: { redirect: "manual" },
    });
    return headers.location ?? null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw toGitHubError(error, "asking for the log of a job");
  }
}

async function readEnd(body: ReadableStream<Uint8Array>): Promise<string> {
  let kept = Buffer.alloc(0);
  let total = 0;
  for await (const chunk of body) {
    total += chunk.length;
    kept = Buffer.concat([kept, chunk]);
    if (kept.length > 2 * keptBytes) kept = kept.subarray(-keptBytes);
    if (total > maxLogBytes) break;
  }
  return kept.subarray(-keptBytes).toString("utf8");
}

const stamp = /^\uFEFF?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ?/;
const colours = /\u001B\[[0-9;]*[A-Za-z]/g;

function toPlainLog(log: string): string {
  const lines = log.split(/\r?\n/).map((line) => line.replace(stamp, "").replaceAll(colours, ""));
  // What follows is the runner cleaning up.
  const lastError = lines.findLastIndex((line) => line.startsWith("##[error]"));
  return (lastError === -1 ? lines : lines.slice(0, lastError + 1)).join("\n").trimEnd();
}

/** Whole lines from the end, or the end of the last one where that alone is too long. */
function tailOf(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const end = bytes.subarray(-maxBytes);
  const nextLine = end.indexOf(10);
  return end
    .subarray(nextLine === -1 ? 0 : nextLine + 1)
    .toString("utf8")
    .replace(/^\uFFFD+/, "");
}
