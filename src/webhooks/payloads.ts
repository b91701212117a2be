import { z } from "zod";

/**
 * The parts of GitHub's webhooks that we read. Everything else in a payload is left alone, because older
 * senders (GitHub Enterprise Server) lack newer fields.
 */
const user = z.object({ id: z.int(), login: z.string(), type: z.string() });
const owner = z.object({ id: z.int(), login: z.string(), type: z.enum(["User", "Organization"]) });
const app = z.object({ id: z.int() }).nullish();

const repository = z.object({ id: z.int(), name: z.string(), private: z.boolean(), owner });
const installationRef = z.object({ id: z.int() });

const issue = z.object({
  id: z.int(),
  number: z.int(),
  title: z.string(),
  body: z.string().nullable(),
  html_url: z.string(),
  state: z.string().optional(),
  updated_at: z.string(),
  user,
  pull_request: z.unknown().optional(),
});

const onRepository = { repository, installation: installationRef, sender: user };

export const issueCommentCreated = z.object({
  ...onRepository,
  issue,
  comment: z.object({
    id: z.int(),
    body: z.string(),
    created_at: z.string(),
    user,
    performed_via_github_app: app,
  }),
});
export type IssueCommentCreated = z.infer<typeof issueCommentCreated>;

export const issueLabeled = z.object({
  ...onRepository,
  issue,
  label: z.object({ id: z.int(), name: z.string() }),
});
export type IssueLabeled = z.infer<typeof issueLabeled>;

export const issueAssigned = z.object({ ...onRepository, issue, assignee: user });
export type IssueAssigned = z.infer<typeof issueAssigned>;

/** closed, deleted and transferred alike. */
export const issueGone = z.object({ action: z.string(), ...onRepository, issue });

/** closed, reopened and edited alike. */
export const pullRequestChanged = z.object({
  action: z.string(),
  ...onRepository,
  pull_request: z.object({
    number: z.int(),
    merged: z.boolean().nullish(),
    head: z.object({ ref: z.string() }),
    base: z.object({ ref: z.string() }),
  }),
});
export type PullRequestChanged = z.infer<typeof pullRequestChanged>;

/** opened, synchronize and reopened alike. */
export const pullRequestPushed = z.object({
  action: z.string(),
  ...onRepository,
  pull_request: z.object({
    number: z.int(),
    head: z.object({ sha: z.string() }),
    base: z.object({ sha: z.string() }),
  }),
});
export type PullRequestPushed = z.infer<typeof pullRequestPushed>;

/** A pull request as it stands beside a review or a comment of one. */
const reviewedPull = z.object({
  id: z.int(),
  number: z.int(),
  title: z.string(),
  body: z.string().nullable(),
  html_url: z.string(),
  user,
  head: z.object({ ref: z.string() }),
});
export type ReviewedPull = z.infer<typeof reviewedPull>;

export const reviewSubmitted = z.object({
  ...onRepository,
  pull_request: reviewedPull,
  review: z.object({
    id: z.int(),
    state: z.string(),
    body: z.string().nullable(),
    submitted_at: z.string(),
    user,
    performed_via_github_app: app,
  }),
});
export type ReviewSubmitted = z.infer<typeof reviewSubmitted>;

export const reviewDismissed = z.object({ ...onRepository, review: z.object({ id: z.int() }) });

export const reviewCommentCreated = z.object({
  ...onRepository,
  pull_request: reviewedPull,
  comment: z.object({
    id: z.int(),
    pull_request_review_id: z.int().nullable(),
    body: z.string(),
    created_at: z.string(),
    user,
    performed_via_github_app: app,
  }),
});
export type ReviewCommentCreated = z.infer<typeof reviewCommentCreated>;

const listedRepository = z.object({
  id: z.int(),
  name: z.string(),
  full_name: z.string(),
  private: z.boolean(),
});

export const installationChanged = z.object({
  action: z.string(),
  installation: z.object({
    id: z.int(),
    account: owner,
    repository_selection: z.enum(["all", "selected"]),
    permissions: z.record(z.string(), z.string()),
    suspended_at: z.string().nullish(),
  }),
  repositories: z.array(listedRepository).optional(),
});
export type InstallationChanged = z.infer<typeof installationChanged>;

export const installationRepositoriesChanged = installationChanged.extend({
  repositories_added: z.array(listedRepository),
  repositories_removed: z.array(z.object({ id: z.int() })),
});

export const repositoryChanged = z.object({ action: z.string(), repository, installation: installationRef });
