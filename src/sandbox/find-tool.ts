import { constants } from "node:fs";
import { access, realpath } from "node:fs/promises";
import { join } from "node:path";

/** Where system tools are looked for; never the caller's PATH, which a checkout or a service file may have changed. */
export const systemPath = ["/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin"] as const;

/** The absolute path of an executable in one of the directories, or null. */
export async function findTool(
  name: string,
  directories: readonly string[] = systemPath,
): Promise<string | null> {
  for (const directory of directories) {
    const path = join(directory, name);
    if (await isExecutable(path)) return path;
  }
  return null;
}

const packages = new URL("../../node_modules/", import.meta.url).pathname;

/**
 * The real file of Claude Code: the configured one, else the native binary of the installed package, else its launcher,
 * else the one among the system tools; null when there is none. The package's own launcher is a stub where install scripts do not run.
 */
export async function findClaude(configured: string | null): Promise<string | null> {
  const native = `claude-code-${process.platform}-${process.arch}`;
  const candidates =
    configured === null
      ? [
          join(packages, "@anthropic-ai", native, "claude"),
          join(packages, "@anthropic-ai", `${native}-musl`, "claude"),
          join(packages, ".bin", "claude"),
          ...systemPath.map((directory) => join(directory, "claude")),
        ]
      : [configured];
  for (const path of candidates) if (await isExecutable(path)) return realpath(path);
  return null;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
