import { randomBytes } from "node:crypto";
import { type CheckoutState, parseCheckoutState } from "./checkout-state.ts";
import { fullSha, insideGitEnv } from "./inside-git.ts";
import { type News, readNews } from "./read-news.ts";
import type { Sandbox } from "./sandbox.ts";
import { stateScript } from "./state-script.ts";
import type { SyncCheckoutInput } from "./sync-checkout.ts";
import { syncScript } from "./sync-script.ts";

export type ResumeCheckoutInput = SyncCheckoutInput & {
  /** What the checkout was left with, on `presentSha`. */
  left: CheckoutState;
  /** Where the conversation is, inside. */
  transcriptPath: string;
  /** A file inside that names the commit on which the checkout stands; written anew when that changes. */
  notePath: string;
  /** A command that is run at the end of the same one, when the checkout stands on `sha`; one line of its output comes back. */
  next: readonly [string, ...string[]];
};

export type ResumedCheckout = {
  /** What the machine says that it held; null when there is no checkout that can be read. */
  state: CheckoutState | null;
  /** The commit that the note names; null when there is none. */
  standing: string | null;
  /** Whether the checkout is as it was left, and stands on `sha` now. */
  moved: boolean;
  /** The first line that `next` said; "" when it was not run. */
  said: string;
};

const timeoutMs = 10 * 60_000;
/** A larger pack goes by the file API; a command line takes 128 KiB for one word. */
const maxInlineBytes = 32 * 1024;

/**
 * Compares a checkout of an earlier turn with what it was left with and, where nothing differs, moves it to where its branch stands
 * now: one command in the machine. Nothing is changed in one that differs.
 */
export async function resumeCheckout(sandbox: Sandbox, input: ResumeCheckoutInput): Promise<ResumedCheckout> {
  const { repo, tmp } = sandbox.paths;
  const { sha, madeSha, presentSha, branch, left, signal } = input;
  const news = await readNews(input);
  const id = randomBytes(8).toString("hex");
  const pack = `${tmp}/sync-${id}.pack`;
  const inline = news === null ? "" : await deliver(sandbox, pack, news);
  const expected = `tree ${left.treeSha} transcript ${left.transcriptSha256 ?? "none"}`;
  const { stdoutTail } = await sandbox.exec({
    argv: [
      ...(["/bin/sh", "-c", script, "resume", stateScript, syncScript] as const),
      ...[repo, `${tmp}/out-${id}`, presentSha, input.transcriptPath, input.notePath, expected],
      ...[pack, inline, sha, madeSha, branch, (news?.edges ?? []).join(" "), ...input.next],
    ],
    env: insideGitEnv,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  const [note = "", state = "", moved = "", said = ""] = stdoutTail.split("\n");
  const standing = note.slice("standing ".length);
  return {
    state: parseCheckoutState(state),
    standing: note.startsWith("standing ") && fullSha.test(standing) ? standing : null,
    moved: state === expected && moved === "moved",
    said,
  };
}

/** A small pack as a word of the command, a large one by file; a machine that has been sent none says so itself. */
async function deliver(sandbox: Sandbox, path: string, { pack }: News): Promise<string> {
  if (pack.length <= maxInlineBytes) return Buffer.from(pack).toString("base64");
  await sandbox.writeFile(path, pack);
  return "";
}

/** Constant; four lines at most: where the checkout stands, what it holds, `moved`, what `next` says. What is in the way leaves the rest out. */
const script = `
set -u
readState=$1 sync=$2 repo=$3 work=$4 present=$5 transcript=$6 note=$7 expected=$8 pack=$9
shift 9
inline=$1 sha=$2 made=$3 branch=$4 edges=$5
shift 5
trap 'rm -f "$pack"' EXIT
standing=
if [ -f "$note" ] && [ ! -L "$note" ]; then standing=$(head -c 64 "$note" | tr -d '\\000\\n'); fi
echo "standing $standing"
state=$(/bin/sh -c "$readState" read-state "$repo" "$work" "$present" "$transcript") || exit 0
echo "$state"
[ "$state" = "$expected" ] || exit 0
if [ "$standing" = "$sha" ]; then echo moved; "$@"; exit; fi
[ "$standing" = "$present" ] || exit 0
[ -z "$inline" ] || printf %s "$inline" | base64 -d >"$pack" || exit 0
[ -f "$pack" ] || exit 0
moved=$(/bin/sh -c "$sync" sync "$repo" "$pack" "$sha" "$made" "$branch" $edges) || exit 0
umask 077
printf %s "$sha" >"$note.new" && mv -fT -- "$note.new" "$note" || exit 0
echo moved
"$@"
`;
