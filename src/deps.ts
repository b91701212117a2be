import type { Database, Db } from "../db/client.ts";
import type { Clock } from "./clock.ts";
import type { Config, GitHubApp } from "./config.ts";
import type { Redactor } from "./github/redact.ts";
import type { GitHub } from "./github/octokit.ts";
import type { Logger } from "./log.ts";
import type { Queue } from "./queue/queue.ts";
import type { SandboxFleet } from "./sandbox/fleet.ts";
import type { Isolation } from "./sandbox/sandbox.ts";
import type { Storage } from "./storage/storage.ts";

/** What the program is made of; a function asks for its slice with Pick. */
export type Deps = {
  /** With the App present: without it no worker runs. */
  config: Config & { app: GitHubApp };
  log: Logger;
  clock: Clock;
  database: Database;
  /** Sees the rows of one account at a time; see withAccount. */
  db: Db;
  /** Sees all accounts: for claim, sweep, reap and intake only. */
  system: Db;
  queue: Queue;
  github: GitHub;
  sandboxes: SandboxFleet;
  /** By provider, of those that answered at the start. */
  isolation: Record<string, Isolation>;
  /** Where sessions are kept outside their machines, sealed. */
  checkpoints: Storage;
  /** Takes the secrets that this process holds out of whatever an agent says. */
  redact: Redactor;
  /** What accounts have paid for; absent: billing is off and nobody is asked. */
  plans?: {
    /** Reads an account from Stripe, unless it was read a moment ago. */
    lookAgain(accountId: string): Promise<void>;
  };
};
