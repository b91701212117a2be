import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Deps } from "../deps.ts";
import { type Mirror, updateMirror } from "../github/mirror.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { readBranchSha } from "../github/read-branch.ts";
import { remoteUrlOf } from "../github/remote-url.ts";
import { askAtBudget } from "./ask-at-budget.ts";
import type { Claim } from "./claim-store.ts";
import { findStart } from "./find-start.ts";
import { openStatus, type Status } from "./say-status.ts";
import { findStory } from "./stories.ts";
import type { TaskEnd, TaskPause } from "./task-end.ts";
import type { TaskWatch } from "./task-watch.ts";
import { threadPermissions } from "./thread-permissions.ts";

/** One attempt, from the claim to the task's end or its question to a person: the story of its verb. */
export async function workOnTask(deps: Deps, claim: Claim, watch: TaskWatch): Promise<TaskEnd | TaskPause> {
  const { task } = claim;
  const reader = await deps.github.openRepository({
    installationId: task.installationId,
    repositoryId: task.repositoryId,
    permissions: { contents: "read", ...threadPermissions(task) },
  });
  const status = openStatus(deps, { claim, client: reader, signal: watch.signal });
  const directory = join(deps.config.dataDir, "tmp", `task-${task.id}-${claim.fence}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const end = await tell(deps, { claim, watch, reader, status, directory });
    return await askAtBudget(deps, { task, end });
  } finally {
    await status.close();
    await reader.revoke();
    await rm(directory, { recursive: true, force: true });
  }
}

type Opened = { claim: Claim; watch: TaskWatch; reader: RepositoryClient; status: Status; directory: string };

async function tell(deps: Deps, opened: Opened): Promise<TaskEnd | TaskPause> {
  const { claim, watch, reader, status } = opened;
  const { task } = claim;
  const story = findStory(task.verb);
  const repository = { owner: reader.owner, name: reader.name };
  const remoteUrl = remoteUrlOf(deps.config.github.serverUrl, repository);
  const start = await findStart(deps, claim, () =>
    readBranchSha(reader.octokit, repository, claim.session.branch),
  );
  if (start.branchExists) status.update({ verifiedSha: start.sha });
  let mirror: Promise<Mirror> | null = null;
  const openMirror = () =>
    (mirror ??= updateMirror({
      dataDir: deps.config.dataDir,
      repositoryId: task.repositoryId,
      remoteUrl,
      token: reader.token,
      sha: start.sha,
      ...(task.context.pull === null ? {} : { pullNumber: task.context.pull.number }),
      signal: watch.signal,
    }));
  const timeoutMs = task.options.timeoutMs ?? deps.config.limits.taskTimeoutMs;
  return story(deps, { ...opened, repository, remoteUrl, start, openMirror, timeoutMs });
}
