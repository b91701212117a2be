import type { Json, JsonObject } from "./json.ts";

export type Level = "read" | "write" | "admin";
export type Permissions = Record<string, Level>;
export type Role = "none" | "read" | "triage" | "write" | "maintain" | "admin";

export type Account = {
  id: number;
  login: string;
  type: "User" | "Organization" | "Bot";
  name: string | null;
  createdAt: string;
  /** Of an organisation: account id to standing. */
  members: Map<number, "owner" | "member">;
  /** Of an organisation: who was asked to become an owner and has not said yes. */
  invited: Set<number>;
};

export type Hook = {
  id: number;
  url: string | undefined;
  secret: string;
  contentType: "json";
  insecureSsl: "0";
};

export type App = {
  id: number;
  slug: string;
  name: string;
  description: string;
  externalUrl: string;
  ownerId: number;
  botUserId: number;
  clientId: string;
  clientSecret: string;
  /** Where people may be sent back to after they signed in. */
  callbackUrls: string[];
  publicKey: string;
  privateKey: string;
  permissions: Permissions;
  events: string[];
  hook: Hook;
  createdAt: string;
};

export type Installation = {
  id: number;
  appId: number;
  accountId: number;
  selection: "all" | "selected";
  repositoryIds: Set<number>;
  permissions: Permissions;
  events: string[];
  suspendedAt: string | null;
  suspendedBy: number | null;
  createdAt: string;
  updatedAt: string;
};

/** What a token opens: a person's everything, or what an installation was granted, narrowed. */
export type Token =
  /** `via`: a person's token of an App's sign-in, which opens what both of them may. */
  | { kind: "user"; userId: number; via?: { appId: number; expiresAt: number } }
  | {
      kind: "installation";
      installationId: number;
      permissions: Permissions;
      /** null: every repository of the installation. */
      repositoryIds: Set<number> | null;
      expiresAt: number;
    };

export type Actor =
  | { kind: "anonymous" }
  | { kind: "user"; user: Account; via?: App }
  /** An App by its OAuth client's id and secret. */
  | { kind: "client"; app: App }
  | { kind: "app"; app: App }
  | {
      kind: "installation";
      app: App;
      bot: Account;
      installation: Installation;
      permissions: Permissions;
      repositoryIds: Set<number> | null;
      token: string;
    };

export type Reaction = { id: number; userId: number; content: string; createdAt: string };
export type Label = {
  id: number;
  name: string;
  color: string;
  description: string | null;
  isDefault: boolean;
};

/** Who wrote something; `appId` when it came through an installation token. */
export type Author = { userId: number; appId: number | null };

export type Comment = {
  id: number;
  author: Author;
  body: string;
  reactions: Reaction[];
  createdAt: string;
  updatedAt: string;
};

export type ReviewComment = Comment & {
  reviewId: number;
  path: string;
  line: number | null;
  startLine: number | null;
  side: "LEFT" | "RIGHT";
  diffHunk: string;
  commitSha: string;
  inReplyTo: number | null;
  startSide: "LEFT" | "RIGHT";
  /** Where it was written; `line` and `startLine` follow the pushes, until its lines are gone from the difference. */
  originalLine: number | null;
  originalStartLine: number | null;
  originalCommitSha: string;
  outdated: boolean;
  editedAt: string | null;
  /** One object for all comments of a conversation. */
  thread: ReviewThread;
};

/** A conversation at a line; its id is that of its first comment. */
export type ReviewThread = { id: number; resolvedById: number | null };

export type ReviewState = "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED" | "PENDING" | "DISMISSED";
export type Review = {
  id: number;
  author: Author;
  body: string;
  state: ReviewState;
  commitSha: string;
  submittedAt: string;
};

export type Pull = {
  id: number;
  draft: boolean;
  headRef: string;
  headSha: string;
  /** Where the head branch is; a fork that is gone has no repository any more, but its owner still. */
  headRepositoryId: number;
  headOwnerId: number;
  baseRef: string;
  baseSha: string;
  mergedAt: string | null;
  mergedBy: number | null;
  mergeSha: string | null;
  maintainerCanModify: boolean;
  /** What git said of these two commits; null: nobody has asked yet. */
  mergeability: { base: string; head: string; isClean: boolean } | null;
  reviewerIds: Set<number>;
  /** Slugs. */
  reviewerTeams: Set<string>;
  reviews: Review[];
  comments: ReviewComment[];
};

export type Issue = {
  id: number;
  number: number;
  author: Author;
  title: string;
  body: string | null;
  state: "open" | "closed";
  stateReason: "completed" | "not_planned" | "duplicate" | "reopened" | null;
  locked: boolean;
  lockReason: string | null;
  labels: string[];
  assigneeIds: number[];
  comments: Comment[];
  reactions: Reaction[];
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
  closedBy: number | null;
  deleted: boolean;
  pull: Pull | null;
};

export type Annotation = {
  path: string;
  startLine: number;
  endLine: number;
  level: string;
  title: string | null;
  message: string;
  rawDetails: string | null;
};

export type CheckRun = {
  id: number;
  suiteId: number;
  appId: number;
  name: string;
  headSha: string;
  externalId: string;
  detailsUrl: string | null;
  status: "queued" | "in_progress" | "completed";
  conclusion: string | null;
  startedAt: string;
  completedAt: string | null;
  output: JsonObject;
  annotations: Annotation[];
  actions: Json[];
  /** Of a job of GitHub Actions: which run of its workflow it belongs to. */
  attempt: number;
  /** What a job of GitHub Actions wrote; null: there is none (yet). */
  log: { text: string; isExpired: boolean; links: Map<string, number> } | null;
};

/** What one App says about one commit; with GitHub Actions, what one workflow says. Its state follows from its runs. */
export type CheckSuite = {
  id: number;
  appId: number;
  headSha: string;
  /** Null where the commit is on no branch of this repository, as with a fork's. */
  headBranch: string | null;
  /** The commit in the form of a push. */
  headCommit: JsonObject;
  workflow: WorkflowRun | null;
  createdAt: string;
  updatedAt: string;
};

export type WorkflowRun = {
  id: number;
  workflowId: number;
  name: string;
  path: string;
  runNumber: number;
  actorId: number;
};

export type CommitStatus = {
  id: number;
  creatorId: number;
  sha: string;
  context: string;
  state: "error" | "failure" | "pending" | "success";
  description: string | null;
  targetUrl: string | null;
  createdAt: string;
};

/** What is said about commits, beside the check runs. */
export type CheckState = {
  suites: CheckSuite[];
  statuses: CommitStatus[];
  /** By commit: with which push it came first. */
  pushes: Map<string, { branch: string; userId: number }>;
};

export type Repository = {
  id: number;
  ownerId: number;
  /** The repository that this one is a fork of. */
  parentId: number | null;
  name: string;
  description: string | null;
  isPrivate: boolean;
  archived: boolean;
  defaultBranch: string;
  directory: string;
  roles: Map<number, Role>;
  /** Teams of the owner that may read it, by slug. */
  teams: Map<string, number>;
  protectedBranches: Set<string>;
  labels: Label[];
  issues: Map<number, Issue>;
  nextNumber: number;
  checkRuns: CheckRun[];
  checks: CheckState;
  createdAt: string;
  updatedAt: string;
  pushedAt: string;
};

export type Delivery = {
  id: number;
  guid: string;
  appId: number;
  event: string;
  action: string | null;
  installationId: number | null;
  repositoryId: number | null;
  deliveredAt: string;
  redelivery: boolean;
  durationS: number;
  /** "pending" until the target answered or failed. */
  status: string;
  statusCode: number;
  targetUrl: string;
  requestHeaders: Record<string, string>;
  body: string;
  responseHeaders: Record<string, string>;
  responseBody: string;
};
