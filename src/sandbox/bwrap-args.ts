import { insidePaths } from "./local-layout.ts";

/** What the host has to offer, found once: constant for the life of the provider. */
export type BwrapHost = {
  /** Top-level folders of a system (/bin, /lib64 …): links on a merged-usr host, real folders elsewhere. */
  systemFolders: readonly { path: string; linkTarget: string | null }[];
  /** Files and folders of /etc that exist here and hold no secret. */
  etcPaths: readonly string[];
  /** Our own passwd, group, hosts, nsswitch.conf; host path to inside path. */
  ownFiles: readonly { host: string; inside: string }[];
  /** Binaries outside /usr (Claude Code, node), bound one by one. */
  binaries: readonly { host: string; inside: string }[];
};

export type BwrapInput = {
  home: string;
  workspace: string;
  cwd: string;
  env: Readonly<Record<string, string>>;
  gatewaySocket: string | null;
  statusFd: number;
};

export const gatewaySocketInside = "/run/gateway.sock";

/**
 * The options of one bubblewrap call, to be sent through `--args FD`: on the command line every process of the host could
 * read the environment. Mounts come before `--remount-ro /`, which closes the root that bubblewrap builds them on.
 */
export function bwrapArgs(host: BwrapHost, input: BwrapInput): string[] {
  return [
    ...["--unshare-user", "--uid", "1000", "--gid", "1000"],
    ...["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...["--hostname", "sandbox", "--disable-userns", "--die-with-parent", "--new-session"],
    // As PID 1 the launcher is bubblewrap's own child: when bubblewrap has exited, nothing of the namespace is left.
    ...["--as-pid-1", "--cap-drop", "ALL", "--json-status-fd", String(input.statusFd)],
    ...["--ro-bind", "/usr", "/usr"],
    ...host.systemFolders.flatMap(({ path, linkTarget }) =>
      linkTarget === null ? ["--ro-bind", path, path] : ["--symlink", linkTarget, path],
    ),
    ...host.etcPaths.flatMap((path) => ["--ro-bind", path, path]),
    ...host.ownFiles.flatMap(({ host: from, inside }) => ["--ro-bind", from, inside]),
    ...["--proc", "/proc", "--dev", "/dev"],
    // They live in memory: without a size each could take half of the host's.
    ...["--size", String(2 ** 30), "--tmpfs", "/tmp", "--size", String(2 ** 24), "--tmpfs", "/run"],
    ...host.binaries.flatMap(({ host: from, inside }) => ["--ro-bind", from, inside]),
    ...["--bind", input.home, insidePaths.home, "--bind", input.workspace, insidePaths.workspace],
    ...(input.gatewaySocket === null ? [] : ["--bind", input.gatewaySocket, gatewaySocketInside]),
    ...["--remount-ro", "/", "--clearenv"],
    ...Object.entries(input.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--chdir", input.cwd],
  ];
}
