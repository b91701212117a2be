import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { fullSha, insideGitEnv } from "./inside-git.ts";
import { type Sandbox, SandboxError } from "./sandbox.ts";

/** The one ref of a bundle that leaves a sandbox. */
export const bundleRef = "refs/heads/work";

export type TakenBundle =
  | {
      kind: "bundle";
      /** The file on the host. */
      path: string;
      tipSha: string;
      treeSha: string;
      /** What git could not take in (unreadable files, folders that are broken repositories), in its words; null: nothing. */
      complaints: string | null;
    }
  | { kind: "unchanged" };

/**
 * Takes the working tree out of the sandbox as a bundle of one commit on `baseSha` (on nothing when the agent destroyed
 * the base), written to `hostPath`. Only the files count: history, index, settings, hooks and branches that the agent
 * made are not looked at. Rejects with a SandboxError "refused" when there is no checkout or the bundle is too large.
 */
export async function takeBundle(
  sandbox: Sandbox,
  input: { baseSha: string; maxBytes: number; hostPath: string; signal?: AbortSignal },
): Promise<TakenBundle> {
  if (!fullSha.test(input.baseSha)) throw new TypeError(`expected a full commit id, got ${input.baseSha}`);
  const work = `${sandbox.paths.tmp}/out-${randomBytes(8).toString("hex")}`;
  try {
    const result = await sandbox.exec({
      argv: ["/bin/sh", "-c", script, "take-bundle", sandbox.paths.repo, work, input.baseSha],
      env: { ...insideGitEnv, ...identity },
      timeoutMs: 10 * 60_000,
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    });
    input.signal?.throwIfAborted();
    const said = result.stdoutTail.trim();
    if (result.exitCode === 0 && said === "unchanged") return { kind: "unchanged" };
    const [, tipSha, treeSha] = /^bundle ([0-9a-f]{40,64}) ([0-9a-f]{40,64})$/.exec(said) ?? [];
    if (result.exitCode !== 0 || tipSha === undefined || treeSha === undefined) {
      throw new SandboxError(
        result.exitCode === checkoutGone ? "refused" : "transient",
        `taking the work out of the sandbox ended with ${result.exitCode ?? result.signal ?? "nothing"}: ${result.stderrTail.trim()}`,
      );
    }
    const bytes = await sandbox.readFile(`${work}/bundle`, { maxBytes: input.maxBytes });
    if (bytes === null) throw new SandboxError("transient", "the bundle vanished from the sandbox");
    await writeFile(input.hostPath, bytes, { mode: 0o600, flag: "wx" });
    return {
      kind: "bundle",
      path: input.hostPath,
      tipSha,
      treeSha,
      complaints: result.stderrTail.trim() || null,
    };
  } finally {
    await sandbox.remove(work);
  }
}

/** The exit code of the script when there is no checkout to take. */
const checkoutGone = 3;

/** The commit only carries the tree; the bot builds the one that is pushed. */
const identity = {
  GIT_AUTHOR_NAME: "remote-claude",
  GIT_AUTHOR_EMAIL: "agent@remote-claude.invalid",
  GIT_AUTHOR_DATE: "1970-01-01T00:00:00Z",
  GIT_COMMITTER_NAME: "remote-claude",
  GIT_COMMITTER_EMAIL: "agent@remote-claude.invalid",
  GIT_COMMITTER_DATE: "1970-01-01T00:00:00Z",
};

/**
 * Nine git commands in one round trip; constant, the paths and the commit come as arguments. They run in a repository of
 * our own that only borrows the checkout's objects, so the agent's settings, index, hooks and refs take no part. Where
 * even the base is not readable any more, everything is packed anew on no parent at all.
 */
const script = `
set -u
repo=$1 work=$2 base=$3
cd "$repo" || exit ${checkoutGone}

fresh() {
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
  rm -rf "$work" && mkdir -p "$work" && git init --quiet --bare --template= "$work/git" || return 1
  export GIT_DIR="$work/git" GIT_WORK_TREE="$repo" GIT_INDEX_FILE="$work/index"
}

borrow() {
  objects=$(cd .git/objects 2>/dev/null && pwd -P) || return 1
  printf '%s\\n' "$objects" >"$GIT_DIR/objects/info/alternates"
  printf '%s\\n' "$base" >"$GIT_DIR/shallow"
  # What the checkout's index knows of untouched files saves reading them, and keeps files as they are that git
  # would now store with other line ends.
  if [ -f .git/index ] && cp -p .git/index "$work/index" && git read-tree --reset "$base" 2>/dev/null; then
    if git ls-files -v | grep -qv '^H '; then
      git ls-files -z | git update-index -z --no-skip-worktree --stdin || return 1
      git ls-files -z | git update-index -z --no-assume-unchanged --stdin || return 1
    fi
  else
    rm -f "$work/index"
    git read-tree "$base" 2>/dev/null
  fi
}

pack() {
  # 1 is git's word for "all but some files"; it names them on stderr.
  git add --all --ignore-errors . ; [ $? -le 1 ] || return 1
  tree=$(git write-tree)
}

send() {
  git update-ref ${bundleRef} "$tip" || return 1
  git bundle create --quiet --version=2 "$work/bundle" ${bundleRef} "$@" || return 1
  echo "bundle $tip $tree"
}

onBase() {
  fresh && borrow && pack || return 1
  if [ "$tree" = "$(git rev-parse "$base^{tree}")" ]; then echo unchanged; return 0; fi
  tip=$(git commit-tree "$tree" -p "$base" -m work) && send "^$base"
}

onNothing() {
  # Everything is packed: looking for similar files would take longer than all the rest.
  fresh && git config pack.window 0 && pack && tip=$(git commit-tree "$tree" -m work) && send
}

onBase || onNothing
`;
