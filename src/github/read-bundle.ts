import { access, type FileHandle, lstat, open } from "node:fs/promises";
import { UserError } from "../errors.ts";
import { type QuarantineGit, resolveRevisions } from "./quarantine.ts";

/** The one ref that a bundle may carry; the sandbox side names it so. */
const bundleRef = "refs/heads/work";

/** What git otherwise only warns of, although it can harm whoever checks the tree out. */
const strictly = ["hasDot", "hasDotdot", "hasDotgit", "emptyName", "fullPathname", "nullSha1"];

const maxHeaderBytes = 16 * 1024;

/**
 * Takes the objects of the bundle's one ref into the quarantine, each of them checked, and gives the tree of its commit.
 * Rejects with a UserError (work-…) for anything but a well-formed bundle of that one ref. Not by `git fetch`: that does
 * not check the objects of a bundle.
 */
export async function readBundle(
  git: QuarantineGit,
  input: { bundlePath: string; maxBytes: number },
): Promise<string> {
  const found = await lstat(input.bundlePath);
  if (!found.isFile()) throw refused("work-invalid", "came as something that is not a file");
  if (found.size > input.maxBytes) {
    throw refused("work-too-large", `has ${found.size} bytes packed, and ${input.maxBytes} are allowed`);
  }
  const file = await open(input.bundlePath);
  try {
    const { tipSha, packOffset } = await readHeader(file);
    const indexed = await git(
      [
        "index-pack",
        "--stdin",
        "--fix-thin",
        "--threads=1",
        `--strict=${strictly.map((name) => `${name}=error`).join(",")}`,
      ],
      {
        stdin: file.createReadStream({ start: packOffset, autoClose: false }),
        wrapper: await limits(),
        // Large files are streamed instead of held.
        config: { "core.bigFileThreshold": "16m" },
      },
    );
    if (indexed.exitCode !== 0) {
      const said = indexed.stderr.trim().slice(-500) || "it was stopped";
      throw refused("work-invalid", `does not pass git's check (${said})`);
    }
    return await treeOf(git, tipSha);
  } finally {
    await file.close();
  }
}

/** Version 2: a title, commits that it stands on, refs, an empty line, the pack. */
async function readHeader(file: FileHandle): Promise<{ tipSha: string; packOffset: number }> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(maxHeaderBytes), 0, maxHeaderBytes, 0);
  const end = buffer.subarray(0, bytesRead).indexOf("\n\n");
  const [title, ...rows] = buffer.subarray(0, Math.max(0, end)).toString("latin1").split("\n");
  const refs = rows.filter((row) => !row.startsWith("-"));
  const [, tipSha] = new RegExp(`^([0-9a-f]{40}) ${bundleRef}$`).exec(refs[0] ?? "") ?? [];
  if (title !== "# v2 git bundle" || refs.length !== 1 || tipSha === undefined) {
    throw refused(
      "work-invalid",
      `was expected as a bundle of ${bundleRef} alone and came as something else`,
    );
  }
  return { tipSha, packOffset: end + 2 };
}

async function treeOf(git: QuarantineGit, tipSha: string): Promise<string> {
  const [tip, tree] = await resolveRevisions(git, [tipSha, `${tipSha}^{tree}`]);
  if (tip?.type !== "commit" || tree?.type !== "tree") {
    throw refused("work-invalid", "was expected to hold a commit and does not");
  }
  return tree.sha;
}

/** A small bundle can unpack into a great deal: memory, processor time and disk of this one git are bounded. */
async function limits(): Promise<string[]> {
  const prlimit = "/usr/bin/prlimit";
  const found = await access(prlimit).then(
    () => true,
    () => false,
  );
  if (!found) return [];
  return [prlimit, `--as=${4 * 2 ** 30}`, "--cpu=300", `--fsize=${2 * 2 ** 30}`, "--core=0", "--"];
}

/** A UserError for work that is not accepted as a whole. */
export function refused(code: string, what: string): UserError {
  return new UserError(
    code,
    `The agent's work was not accepted: it ${what}.`,
    "Ask for a smaller change, or say which files belong to it.",
  );
}
