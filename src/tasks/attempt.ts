import type { Deps } from "../deps.ts";
import type { Mirror } from "../github/mirror.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import type { RepositoryRef } from "../github/thread.ts";
import type { Claim } from "./claim-store.ts";
import type { Start } from "./find-start.ts";
import type { Status } from "./say-status.ts";
import type { TaskEnd, TaskPause } from "./task-end.ts";
import type { TaskWatch } from "./task-watch.ts";

/** One attempt at a task, as its story finds it. */
export type Attempt = {
  claim: Claim;
  watch: TaskWatch;
  /** Reads the repository and writes to the thread. */
  reader: RepositoryClient;
  status: Status;
  /** For the files of this attempt; gone when it is over. */
  directory: string;
  repository: RepositoryRef;
  /** Without a credential. */
  remoteUrl: string;
  start: Start;
  /** Holds the commit that the work starts from; made once. */
  openMirror: () => Promise<Mirror>;
  timeoutMs: number;
};

/** What a task of one verb does between its claim and its end. Every effect in it is a step that a later attempt finds done. */
export type Story = (deps: Deps, attempt: Attempt) => Promise<TaskEnd | TaskPause>;
