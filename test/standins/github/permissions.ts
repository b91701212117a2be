import type { Role } from "./state.ts";

/**
 * Who may call an operation. `needs` for installation tokens: alternatives by `|`; `number` and `comment` stand for issues or
 * pull_requests, by what the number in the path is. `role` for people. From GitHub's "permissions required for GitHub Apps".
 */
export type Rule = { needs: string; role: Role };

const lines = `
issues/get                            issues:read                             read
issues/create                         issues:write                            read
issues/update                         number:write                            read
issues/list-for-repo                  issues:read                             read
issues/list-comments                  number:read                             read
issues/list-comments-for-repo         issues:read|pull_requests:read          read
issues/get-comment                    comment:read                            read
issues/create-comment                 number:write                            read
issues/update-comment                 comment:write                           read
issues/delete-comment                 comment:write                           read
issues/add-labels                     number:write                            triage
issues/set-labels                     number:write                            triage
issues/remove-label                   number:write                            triage
issues/list-labels-on-issue           number:read                             read
issues/list-labels-for-repo           issues:read|pull_requests:read          read
issues/create-label                   issues:write|pull_requests:write        write
issues/get-label                      issues:read|pull_requests:read          read
issues/add-assignees                  number:write                            triage
issues/remove-assignees               number:write                            triage
issues/lock                           number:write                            write
issues/unlock                         number:write                            write
reactions/create-for-issue            issues:write                            read
reactions/list-for-issue              issues:read                             read
reactions/delete-for-issue            issues:write                            read
reactions/create-for-issue-comment    issues:write                            read
reactions/list-for-issue-comment      issues:read                             read
reactions/delete-for-issue-comment    issues:write                            read
reactions/create-for-pull-request-review-comment pull_requests:write          read
reactions/list-for-pull-request-review-comment pull_requests:read             read
reactions/delete-for-pull-request-comment pull_requests:write                 read
repos/get                             metadata:read                           read
repos/get-content                     contents:read                           read
repos/get-collaborator-permission-level metadata:read                         read
repos/get-branch                      contents:read                           read
repos/list-branches                   contents:read                           read
repos/get-branch-protection           administration:read                     admin
repos/compare-commits-with-basehead   contents:read                           read
repos/get-commit                      contents:read                           read
repos/list-commits                    contents:read                           read
git/get-ref                           contents:read                           read
git/list-matching-refs                contents:read                           read
git/create-ref                        contents:write                          write
git/update-ref                        contents:write                          write
git/delete-ref                        contents:write                          write
git/get-commit                        contents:read                           read
git/upload-pack                       contents:read                           read
git/receive-pack                      contents:write                          write
pulls/create                          pull_requests:write                     read
pulls/get                             pull_requests:read                      read
pulls/list                            pull_requests:read                      read
pulls/update                          pull_requests:write                     read
pulls/merge                           contents:write                          write
pulls/list-files                      pull_requests:read                      read
pulls/list-commits                    pull_requests:read                      read
pulls/request-reviewers               pull_requests:write                     triage
pulls/create-review                   pull_requests:write                     read
pulls/update-review                   pull_requests:write                     read
pulls/dismiss-review                  pull_requests:write                     write
pulls/get-review                      pull_requests:read                      read
pulls/list-reviews                    pull_requests:read                      read
pulls/list-review-comments            pull_requests:read                      read
pulls/list-comments-for-review        pull_requests:read                      read
pulls/get-review-comment              pull_requests:read                      read
pulls/create-review-comment           pull_requests:write                     read
pulls/create-reply-for-review-comment pull_requests:write                     read
pulls/update-review-comment           pull_requests:write                     read
pulls/delete-review-comment           pull_requests:write                     read
checks/create                         checks:write                            none
checks/get                            checks:read                             read
checks/update                         checks:write                            none
checks/list-for-ref                   checks:read                             read
checks/list-suites-for-ref            checks:read                             read
checks/get-suite                      checks:read                             read
checks/list-annotations               checks:read                             read
repos/get-combined-status-for-ref     statuses:read                           read
repos/list-commit-statuses-for-ref    statuses:read                           read
repos/create-commit-status            statuses:write                          write
repos/list-pull-requests-associated-with-commit pull_requests:read                      read
actions/list-workflow-runs-for-repo   actions:read                            read
actions/list-jobs-for-workflow-run    actions:read                            read
actions/get-job-for-workflow-run      actions:read                            read
actions/download-job-logs-for-workflow-run actions:read                            read
`;

/** Operations on one repository, and what each asks of its caller. */
export const repositoryRules: ReadonlyMap<string, Rule> = new Map(
  lines
    .trim()
    .split("\n")
    .map((line) => {
      const [operationId = "", needs = "", role = "none"] = line.trim().split(/\s+/);
      return [operationId, { needs, role: role as Role }];
    }),
);

/** Operations for an App's own JSON web token. */
export const appOperations: ReadonlySet<string> = new Set(
  `apps/get-authenticated apps/list-installations apps/get-installation apps/delete-installation
   apps/suspend-installation apps/unsuspend-installation apps/get-repo-installation apps/get-org-installation
   apps/get-user-installation apps/create-installation-access-token apps/list-webhook-deliveries
   apps/get-webhook-delivery apps/redeliver-webhook-delivery apps/get-webhook-config-for-app
   apps/update-webhook-config-for-app`.split(/\s+/),
);
