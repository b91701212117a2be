import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { bundleRef } from "./git-out.ts";
import { fullSha, insideGitEnv } from "./inside-git.ts";
import { type Sandbox, SandboxError } from "./sandbox.ts";
import { workTreeScript } from "./work-tree-script.ts";

export type PutTreeBackInput = {
  /** How the working tree was taken on `baseSha`. */
  treeSha: string;
  baseSha: string;
  /** A file of the host, as `takeBundle` made it of that tree; asked for when the tree differs, null where it is the base's own. */
  openBundle: () => Promise<string | null>;
  signal?: AbortSignal;
};

const timeoutMs = 10 * 60_000;

/**
 * Puts the files of a checkout back to a tree that was taken out of it before, when they differ; ignored files stay, and so do
 * history and index. Rejects with a SandboxError "refused" when the files cannot be brought there.
 */
export async function putTreeBack(
  sandbox: Sandbox,
  { treeSha, baseSha, openBundle, signal }: PutTreeBackInput,
): Promise<"same" | "put-back"> {
  for (const sha of [treeSha, baseSha])
    if (!fullSha.test(sha)) throw new TypeError(`expected a full object id, got ${sha}`);
  const { repo, tmp } = sandbox.paths;
  const id = randomBytes(8).toString("hex");
  const run = async (mode: "look" | "put", bundle: string) => {
    const { exitCode, stdoutTail, stderrTail, ...ended } = await sandbox.exec({
      argv: [
        ...(["/bin/sh", "-c", script, "put-tree-back", repo, `${tmp}/out-${id}`, baseSha] as const),
        ...[treeSha, mode, bundle],
      ],
      env: insideGitEnv,
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
    signal?.throwIfAborted();
    if (exitCode === 0) return stdoutTail.trim();
    throw new SandboxError(
      "refused",
      `putting the working tree back ended with ${exitCode ?? ended.signal ?? "nothing"}: ${stderrTail.trim()}`,
    );
  };
  if ((await run("look", "")) === "same") return "same";
  const bundlePath = await openBundle();
  const inside = bundlePath === null ? "" : `${tmp}/back-${id}.bundle`;
  try {
    if (bundlePath !== null) await sandbox.writeFile(inside, await readFile(bundlePath));
    await run("put", inside);
  } finally {
    if (inside !== "") await sandbox.remove(inside);
  }
  return "put-back";
}

/**
 * Constant; checkout, work folder, base, tree, mode and bundle come as arguments. The tree's own .gitignore files come first,
 * so that what they hide is not taken for something new; what a new .gitignore hid comes to light in the next round.
 */
const script = `${workTreeScript}
want=$4 mode=$5 bundle=$6

ready() { fresh && { borrow || fresh; }; }

ready && pack || exit 4
if [ "$tree" = "$want" ]; then echo same; exit 0; fi
if [ "$mode" = look ]; then echo differs; exit 0; fi
[ -z "$bundle" ] || git bundle unbundle "$bundle" ${bundleRef} >/dev/null || exit 4
if git checkout --quiet "$want" -- ':(glob)**/.gitignore' 2>/dev/null; then borrow || rm -f "$GIT_INDEX_FILE"; fi
for round in 1 2 3; do
  pack || exit 4
  if [ "$tree" = "$want" ]; then echo put-back; exit 0; fi
  git read-tree --reset -u "$want" && git clean -ffdq || exit 4
done
pack && [ "$tree" = "$want" ] || { echo "the tree is $tree instead of $want" >&2; exit 5; }
echo put-back
`;
