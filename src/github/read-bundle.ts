import { access, lstat } from "node:fs/promises";
import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import { line, type QuarantineGit } from "./quarantine.ts";

/** The one ref that a bundle may carry; the sandbox side names it so. */
const bundleRef = "refs/heads/work";

/** What git otherwise only warns of, although it can harm whoever checks the tree out. */
const fsckErrors = ["hasDot", "hasDotdot", "hasDotgit", "emptyName", "fullPathname", "nullSha1"];

/**
 * Fetches the bundle's one ref into the quarantine, every object checked, and gives the tree of its commit. Rejects with a
 * UserError (work-…) for anything but a well-formed bundle of that one ref.
 */
export async function readBundle(
  git: QuarantineGit,
  input: { bundlePath: string; maxBytes: number },
): Promise<string> {
  const file = await lstat(input.bundlePath);
  if (!file.isFile()) throw refused("work-invalid", "came as something that is not a file");
  if (file.size > input.maxBytes) {
    throw refused("work-too-large", `has ${file.size} bytes packed, and ${input.maxBytes} are allowed`);
  }
  const path = resolve(input.bundlePath);
  const heads = await git(["bundle", "list-heads", path]);
  const refs = heads.stdout.toString("utf8").trim().split("\n");
  if (heads.exitCode !== 0 || refs.length !== 1 || refs[0]?.split(" ")[1] !== bundleRef) {
    throw refused("work-invalid", `was expected as one ref ${bundleRef} and came as ${refs.length}`);
  }
  const fetched = await git(
    ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", path, `${bundleRef}:${bundleRef}`],
    {
      protocol: "file",
      wrapper: await limits(),
      config: {
        // Large files are streamed instead of held, and nothing is unpacked into single files.
        "core.bigFileThreshold": "16m",
        "fetch.unpackLimit": "1",
        "pack.threads": "1",
        ...Object.fromEntries(fsckErrors.map((name) => [`fetch.fsck.${name}`, "error"])),
      },
    },
  );
  if (fetched.exitCode !== 0) {
    throw refused("work-invalid", `does not pass git's check (${fetched.stderr.trim().slice(-500) || "it was stopped"})`);
  }
  return line(git, ["rev-parse", "--verify", `${bundleRef}^{tree}`]);
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
