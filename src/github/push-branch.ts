import { TransientError, UserError } from "../errors.ts";
import { runHostGit } from "../host-git.ts";
import { explainRemoteFault, remoteAccess } from "./remote-fault.ts";

export type PushInput = {
  /** The bare repository that holds the commit. */
  quarantinePath: string;
  /** Without a credential. */
  remoteUrl: string;
  token: string;
  /** Starts with claude/, unless it is a person's. */
  branch: string;
  /** The head of a person's pull request, which a writer asked us to work on; that it is neither default nor protected is the caller's to know. */
  personsBranch?: true;
  commitSha: string;
  /** Where the branch must still stand; null: it must not exist. */
  expectedSha: string | null;
  signal?: AbortSignal;
};

export type PushRefusal = "stale" | "protected" | "workflow" | "rejected";

export type Pushed =
  | { pushed: true; sha: string }
  /** `detail`: what the remote said, for a person. */
  | { pushed: false; reason: PushRefusal; detail: string };

const branchPattern = /^claude\/[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/;

/**
 * Pushes one commit to one branch, only if the branch stands where it is expected. A branch that has the commit already
 * counts as pushed. Rejects with a UserError (repository-…) or a TransientError when the remote cannot be used.
 */
export async function pushBranch(input: PushInput): Promise<Pushed> {
  const { branch, commitSha, remoteUrl, token } = input;
  if (input.personsBranch !== true) assertBranch(branch);
  const access = remoteAccess(remoteUrl, token);
  const ref = `refs/heads/${branch}`;
  const result = await runHostGit({
    args: [
      ...["--git-dir=.", "push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed"],
      ...[`--force-with-lease=${ref}:${input.expectedSha ?? ""}`, remoteUrl, `${commitSha}:${ref}`],
    ],
    cwd: input.quarantinePath,
    protocol: access.protocol,
    config: access.config,
    timeoutMs: 10 * 60_000,
    signal: input.signal,
  });
  const status = findStatus(result.stdout.toString("utf8"), ref);
  const said = result.stderr
    .replaceAll(/^remote: ?/gm, "")
    .trim()
    .slice(-2_000);
  if (status !== null && status.flag !== "!") return { pushed: true, sha: commitSha };
  if (status !== null)
    return {
      pushed: false,
      reason: classify(status.summary, said),
      detail: `${status.summary} ${said}`.trim(),
    };
  if (result.stopped === "timeout")
    throw new TransientError(`the push to ${remoteUrl} was to end in 10 minutes`);
  throw await explainRemoteFault({
    remoteUrl,
    token,
    service: "git-receive-pack",
    said,
    signal: input.signal,
  });
}

function assertBranch(branch: string): void {
  const parts = branch.split("/");
  const sound = parts.every((part) => part !== "" && !part.startsWith(".") && !/\.$|\.lock$/.test(part));
  if (branchPattern.test(branch) && sound && !branch.includes("..")) return;
  throw new UserError(
    "branch-not-ours",
    `Expected a branch that starts with claude/, got ${JSON.stringify(branch)}.`,
    "Only branches under claude/ are ever written; mend the branch template.",
  );
}

/** The line of `push --porcelain` about our ref: flag, tab, from:to, tab, summary. */
function findStatus(stdout: string, ref: string): { flag: string; summary: string } | null {
  for (const row of stdout.split("\n")) {
    const [flag, refs, summary] = row.split("\t");
    if (flag !== undefined && summary !== undefined && refs?.endsWith(`:${ref}`)) return { flag, summary };
  }
  return null;
}

/**
 * git names a lost lease itself; a refusal by the server is told apart by the words of GitHub's protocol ("refusing to
 * allow …workflow", "protected branch hook declined", GH006, GH013), which have no code beside them.
 */
function classify(summary: string, said: string): PushRefusal {
  if (
    /\((stale info|fetch first|non-fast-forward|remote ref updated since checkout|already exists|failed to update ref|cannot lock ref[^)]*|reference already exists)\)/.test(
      summary,
    )
  ) {
    return "stale";
  }
  const words = `${summary} ${said}`;
  if (/without `?workflows?`? permission|refusing to allow .* workflow/.test(words)) return "workflow";
  if (/protected branch|GH006|GH013|rule violations/.test(words)) return "protected";
  return "rejected";
}
