import { createHash } from "node:crypto";
import { mkdir, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../errors.ts";
import type { BwrapHost } from "./bwrap-args.ts";
import { type CgroupHome, findCgroupHome } from "./cgroup.ts";
import { describeHost } from "./describe-host.ts";
import { findClaude, findTool, systemPath } from "./find-tool.ts";

export type LocalIsolation = "bwrap" | "none";

/** Everything the local provider knows about the host it runs on, found once. */
export type LocalHost = {
  isolation: LocalIsolation;
  /** Absolute paths; null: not installed. */
  tools: { bwrap: string | null; socat: string | null; prlimit: string | null; setpriv: string | null };
  bwrap: BwrapHost;
  cgroups: CgroupHome | null;
  /** PATH of a command. */
  path: string;
};

/** Finds tools, cgroups and Claude Code, and lays out `directory` for what the machines share. */
export async function findLocalHost(input: {
  directory: string;
  isolation: LocalIsolation;
  claudeBin: string | null;
}): Promise<LocalHost> {
  const [bwrap, socat, prlimit, setpriv, claude, cgroups] = await Promise.all([
    findTool("bwrap"),
    findTool("socat"),
    findTool("prlimit"),
    findTool("setpriv"),
    findClaude(input.claudeBin),
    findCgroupHome(),
  ]);
  if (claude === null) throw claudeMissing(input.claudeBin);
  const node = process.execPath.startsWith("/usr/") ? null : process.execPath;
  const binaries = [
    { host: claude, inside: "/opt/claude/bin/claude" },
    ...(node === null ? [] : [{ host: node, inside: "/opt/node/bin/node" }]),
  ];
  const shared = join(input.directory, ".shared");
  const system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  const inside = ["/opt/claude/bin", "/opt/node/bin", ...system];
  const path = input.isolation === "bwrap" ? inside : [await linkBinaries(shared, binaries), ...systemPath];
  return {
    isolation: input.isolation,
    tools: { bwrap, socat, prlimit, setpriv },
    bwrap: await describeHost(join(shared, "etc"), binaries),
    cgroups,
    path: path.join(":"),
  };
}

/** Without isolation a folder of links takes the place of the mounts; its name tells its content, so workers share it. */
async function linkBinaries(shared: string, binaries: BwrapHost["binaries"]): Promise<string> {
  const content = createHash("sha256").update(JSON.stringify(binaries)).digest("hex");
  const directory = join(shared, `bin-${content.slice(0, 12)}`);
  await mkdir(directory, { recursive: true });
  for (const { host, inside } of binaries) {
    await symlink(host, join(directory, basename(inside))).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
  }
  return directory;
}

function claudeMissing(configured: string | null): UserError {
  return new UserError(
    "claude-missing",
    configured === null
      ? "Expected Claude Code in node_modules or on the system, found none."
      : `Expected CLAUDE_BIN to be an executable file, got ${configured}.`,
    "Run npm ci (it brings @anthropic-ai/claude-code), or set CLAUDE_BIN to the claude executable.",
  );
}
