import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Attachment } from "./attachments.ts";
import type { Contract } from "./contract.ts";
import type { FaultList } from "./faults.ts";
import type { JsonObject } from "./json.ts";
import type { SignIn } from "./sign-in.ts";
import type { Account, App, Delivery, Installation, Issue, Permissions, Repository, Token } from "./state.ts";

/** One change that really took effect, as tests count them. */
export type Effect = { operationId: string; actor: string; params: JsonObject; body: JsonObject; at: string };
export type RequestRecord = {
  method: string;
  path: string;
  operationId: string;
  actor: string;
  status: number;
  at: string;
};

/** A webhook still to be sent: `facts` are cast into the payload of `<event>-<action>`. */
export type WebhookEvent = {
  event: string;
  action: string | null;
  repository: Repository | null;
  sender: Account;
  facts: JsonObject;
  /** Only this installation hears of it, subscribed or not. */
  installation?: Installation;
  /** Only this App hears of it. */
  onlyAppId?: number;
};

/** Everything the stand-in knows; handlers read and change it. */
export type World = {
  url: string;
  apiUrl: string;
  directory: string;
  contract: Contract;
  now: () => Date;
  accounts: Map<number, Account>;
  apps: Map<number, App>;
  installations: Map<number, Installation>;
  repositories: Map<number, Repository>;
  /** `owner/name` in lower case, once a repository's, to its id. */
  formerNames: Map<string, number>;
  tokens: Map<string, Token>;
  /** Of people who have signed in at an App and were sent back with one. */
  signIns: Map<string, SignIn>;
  manifests: Map<string, { appId: number; webhookSecret: string | null; expiresAt: number }>;
  attachments: Attachment[];
  deliveries: Delivery[];
  effects: Effect[];
  requests: RequestRecord[];
  violations: string[];
  permissionsUsed: Permissions;
  eventsSent: Set<string>;
  faults: FaultList;
  emit: (event: WebhookEvent) => void;
  redeliver: (delivery: Delivery) => void;
  /** Runs later, after the answer has left; `drained` waits for it. */
  later: (work: () => void | Promise<void>) => void;
  /** One after another for each repository: what changes refs. */
  exclusively: <T>(repositoryId: number, work: () => Promise<T>) => Promise<T>;
  nextId: (kind: IdKind) => number;
};

export type IdKind = keyof typeof firstIds;

// Far apart, so that an id used in the wrong place finds nothing.
const firstIds = {
  account: 1_000_001,
  app: 300_001,
  installation: 50_000_001,
  repository: 700_000_001,
  issue: 2_000_000_001,
  pull: 1_500_000_001,
  comment: 2_500_000_001,
  review: 1_800_000_001,
  reviewComment: 1_900_000_001,
  reaction: 250_000_001,
  label: 6_000_000_001,
  checkRun: 30_000_000_001,
  checkSuite: 45_000_000_001,
  workflow: 120_000_001,
  workflowRun: 16_000_000_001,
  status: 35_000_000_001,
  hook: 400_000_001,
  delivery: 90_000_000_001,
  event: 11_000_000_001,
  team: 4_000_001,
} as const;

/** Hands out numeric ids, a range of its own for each kind. */
export function openIds(): (kind: IdKind) => number {
  const next = new Map<IdKind, number>();
  return (kind) => {
    const id = next.get(kind) ?? firstIds[kind];
    next.set(kind, id + 1);
    return id;
  };
}

/** The present in GitHub's form: whole seconds, UTC. */
export function stamp(world: Pick<World, "now">): string {
  return `${world.now().toISOString().slice(0, 19)}Z`;
}

/** Runs work for one key after another. */
export function openTurns(): <T>(key: number, work: () => Promise<T>) => Promise<T> {
  const last = new Map<number, Promise<unknown>>();
  return (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work, work);
    last.set(key, turn);
    return turn;
  };
}

/** Makes the folder that holds a repository's bare git directory and gives its path. */
export async function repositoryDirectory(world: Pick<World, "directory">, id: number): Promise<string> {
  await mkdir(join(world.directory, "repositories"), { recursive: true });
  return join(world.directory, "repositories", `${id}.git`);
}

/** The account of that name, whatever its case. */
export function accountByLogin(world: Pick<World, "accounts">, login: string): Account | undefined {
  const wanted = login.toLowerCase();
  for (const account of world.accounts.values()) if (account.login.toLowerCase() === wanted) return account;
  return undefined;
}

/** The account with that id, which must exist. */
export function accountById(world: Pick<World, "accounts">, id: number): Account {
  return must(world.accounts.get(id), `account ${id}`);
}

export function ownerOf(world: Pick<World, "accounts">, repository: Repository): Account {
  return accountById(world, repository.ownerId);
}

/** `owner/name`. */
export function fullName(world: Pick<World, "accounts">, repository: Repository): string {
  return `${ownerOf(world, repository).login}/${repository.name}`;
}

export function repositoryByName(
  world: Pick<World, "accounts" | "repositories">,
  owner: string,
  name: string,
): Repository | undefined {
  const wanted = `${owner}/${name.replace(/\.git$/, "")}`.toLowerCase();
  for (const repository of world.repositories.values()) {
    if (fullName(world, repository).toLowerCase() === wanted) return repository;
  }
  return undefined;
}

/** The repository of that full name, which must exist (for the helpers of tests). */
export function repositoryNamed(world: Pick<World, "accounts" | "repositories">, name: string): Repository {
  const [owner = "", repository = ""] = name.split("/");
  return must(repositoryByName(world, owner, repository), `repository ${name}`);
}

/** The repository that once had this name, if it has another now. */
export function repositoryByFormerName(
  world: Pick<World, "formerNames" | "repositories">,
  owner: string,
  name: string,
): Repository | undefined {
  const id = world.formerNames.get(`${owner}/${name.replace(/\.git$/, "")}`.toLowerCase());
  return id === undefined ? undefined : world.repositories.get(id);
}

/** The issue or pull request of that number, unless it was deleted. */
export function issueByNumber(repository: Repository, number: number): Issue | undefined {
  const issue = repository.issues.get(number);
  return issue?.deleted === true ? undefined : issue;
}

/** The value, or an error that names what the stand-in lacks. */
export function must<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`The GitHub stand-in has no ${what}.`);
  return value;
}
