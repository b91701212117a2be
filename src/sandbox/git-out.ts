import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { fullSha, insideGitEnv } from "./inside-git.ts";
import { type Sandbox, SandboxError } from "./sandbox.ts";
import { checkoutGone, workTreeScript } from "./work-tree-script.ts";

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
  | { kind: "unchanged"; treeSha: string };

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
  const { paths } = sandbox;
  const work = `${paths.tmp}/out-${randomBytes(8).toString("hex")}`;
  const output = await openBundleFile(input);
  try {
    const result = await sandbox.exec({
      argv: ["/bin/sh", "-c", script, "take-bundle", paths.repo, work, input.baseSha],
      env: { ...insideGitEnv, ...identity },
      timeoutMs: 10 * 60_000,
      signal: AbortSignal.any([output.tooLarge, ...(input.signal === undefined ? [] : [input.signal])]),
      onStdout: output.push,
    });
    input.signal?.throwIfAborted();
    output.tooLarge.throwIfAborted();
    const [, tipSha, bundleTree, sameTree] = said.exec(output.head()) ?? [];
    if (result.exitCode === 0 && sameTree !== undefined) {
      await rm(input.hostPath);
      return { kind: "unchanged", treeSha: sameTree };
    }
    if (result.exitCode !== 0 || tipSha === undefined || bundleTree === undefined) {
      throw new SandboxError(
        result.exitCode === checkoutGone ? "refused" : "transient",
        `taking the work out of the sandbox ended with ${result.exitCode ?? result.signal ?? "nothing"}: ${result.stderrTail.trim()}`,
      );
    }
    const complaints = result.stderrTail.trim() || null;
    return { kind: "bundle", path: input.hostPath, tipSha, treeSha: bundleTree, complaints };
  } catch (error) {
    await rm(input.hostPath, { force: true });
    throw error;
  } finally {
    await output.close();
  }
}

/** The first line of what the script writes; the bundle follows it. */
const said = /^(?:bundle ([0-9a-f]{40,64}) ([0-9a-f]{40,64})|unchanged ([0-9a-f]{40,64}))$/;
const maxHeadBytes = 256;

/** Parts the script's first line from the bundle behind it, which goes to the file as it comes. */
async function openBundleFile({ hostPath, maxBytes }: { hostPath: string; maxBytes: number }) {
  const file = await open(hostPath, "wx", 0o600);
  const tooLarge = new AbortController();
  let head = Buffer.alloc(0);
  let headEnded = false;
  let bytes = 0;
  return {
    tooLarge: tooLarge.signal,
    head: () => head.toString("latin1"),
    push: (chunk: Uint8Array) => {
      let rest = chunk;
      if (!headEnded) {
        const all = Buffer.concat([head, chunk]);
        const end = all.indexOf("\n");
        headEnded = end !== -1;
        head = all.subarray(0, headEnded ? end : maxHeadBytes);
        rest = headEnded ? all.subarray(end + 1) : Buffer.alloc(0);
      }
      bytes += rest.length;
      if (bytes > maxBytes) {
        tooLarge.abort(
          new SandboxError("refused", `expected a bundle of at most ${maxBytes} bytes, got more`),
        );
      } else if (rest.length > 0) {
        writeSync(file.fd, rest);
      }
    },
    close: () => file.close(),
  };
}

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
 * Nine git commands in one round trip. Where even the base is not readable any more, everything is packed anew on no
 * parent at all.
 */
const script = `${workTreeScript}
send() {
  git update-ref ${bundleRef} "$tip" || return 1
  git bundle create --quiet --version=2 "$work/bundle" ${bundleRef} "$@" || return 1
  echo "bundle $tip $tree" && cat "$work/bundle"
}

onBase() {
  fresh && borrow && pack || return 1
  if [ "$tree" = "$(git rev-parse "$base^{tree}")" ]; then echo "unchanged $tree"; return 0; fi
  tip=$(git commit-tree "$tree" -p "$base" -m work) && send "^$base"
}

onNothing() {
  # Everything is packed: looking for similar files would take longer than all the rest.
  fresh && git config pack.window 0 && pack && tip=$(git commit-tree "$tree" -m work) && send
}

onBase || onNothing
`;
