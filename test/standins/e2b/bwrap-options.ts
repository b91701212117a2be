import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { ownFolders } from "./machine.ts";

const systemFolders = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
const etcPaths = [
  ...["/etc/ssl", "/etc/ca-certificates", "/etc/alternatives", "/etc/localtime"],
  ...["/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/nsswitch.conf"],
];

/** Writes the files of the machines' own /etc once; answers where they lie. */
export async function writeEtc(directory: string, toolPaths: readonly string[]): Promise<string> {
  const etc = join(directory, "etc");
  await mkdir(etc, { recursive: true });
  const path = [...toolPaths, "/usr/local/bin", "/usr/bin", "/bin"].join(":");
  await writeFile(
    join(etc, "passwd"),
    "root:x:0:0::/root:/bin/bash\nuser:x:1000:1000::/home/user:/bin/bash\n",
  );
  await writeFile(join(etc, "group"), "root:x:0:\nuser:x:1000:\n");
  await writeFile(join(etc, "hosts"), "127.0.0.1 localhost e2b.local\n");
  // As in E2B's Debian templates: a login shell sets PATH anew, whatever the caller's was.
  await writeFile(join(etc, "profile"), `PATH="${path.replaceAll(/["$`\\]/g, "\\$&")}"\nexport PATH\n`);
  return etc;
}

/**
 * The options of the one bubblewrap that holds a machine: an own root, its folders at `/home/user`, `/workspace` and `/tmp`,
 * everything else read-only, uid 1000, no network. They go through `--args FD`, so that the machine cannot read them.
 */
export function bwrapOptions(input: {
  root: string;
  etc: string;
  toolPaths: readonly string[];
  statusFd: number;
}): string[] {
  const { root, etc, toolPaths, statusFd } = input;
  return [
    ...["--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-net"],
    ...["--unshare-ipc", "--unshare-uts", "--hostname", "e2b", "--disable-userns"],
    ...["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--json-status-fd", String(statusFd)],
    ...["--ro-bind", "/usr", "/usr"],
    ...systemFolders.filter((path) => existsSync(path)).flatMap(systemFolder),
    ...etcPaths.filter((path) => existsSync(path)).flatMap((path) => ["--ro-bind", path, path]),
    ...["passwd", "group", "hosts", "profile"].flatMap((name) => [
      ...["--ro-bind", join(etc, name), `/etc/${name}`],
    ]),
    ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"],
    ...ownFolders.flatMap((inside) => ["--bind", join(root, inside), inside]),
    ...shownFolders(toolPaths).flatMap((path) => ["--ro-bind", path, path]),
    ...["--remount-ro", "/", "--clearenv", "--chdir", "/"],
  ];
}

function systemFolder(path: string): string[] {
  return lstatSync(path).isSymbolicLink()
    ? ["--symlink", readlinkSync(path), path]
    : ["--ro-bind", path, path];
}

/** Tools in a package's folder need the packages beside it: the outermost node_modules is shown as a whole. */
function shownFolders(toolPaths: readonly string[]): string[] {
  const marker = `${sep}node_modules`;
  const shown = toolPaths.map((path) => {
    const at = `${path}${sep}`.indexOf(`${marker}${sep}`);
    return at === -1 ? path : path.slice(0, at + marker.length);
  });
  return [...new Set(shown)].filter((path) => !path.startsWith("/usr/"));
}
