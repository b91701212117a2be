import { join } from "node:path";

/** The folders of one machine on the host. Only `home` and `workspace` are ever seen from inside. */
export type MachineLayout = {
  root: string;
  home: string;
  workspace: string;
  /** One record a running command, so that another process can end it. */
  run: string;
  meta: string;
};

export function machineLayout(sandboxesDirectory: string, id: string): MachineLayout {
  const root = join(sandboxesDirectory, id);
  return {
    root,
    home: join(root, "home"),
    workspace: join(root, "workspace"),
    run: join(root, "run"),
    meta: join(root, "meta.json"),
  };
}

/** Where the machine's folders appear to the agent under bubblewrap. */
export const insidePaths = {
  home: "/home/agent",
  workspace: "/workspace",
  repo: "/workspace/repo",
  tmp: "/workspace/tmp",
} as const;

/** The same places without isolation: the folders of the host themselves. */
export function hostPaths(layout: MachineLayout) {
  return {
    home: layout.home,
    workspace: layout.workspace,
    repo: join(layout.workspace, "repo"),
    tmp: join(layout.workspace, "tmp"),
  };
}
