/** The operations of GitHub's description that the stand-in answers; anything else is 501 and a violation. */
export const sliceOperations: readonly string[] = `
apps/get-authenticated apps/get-by-slug apps/list-installations apps/get-installation apps/delete-installation
apps/suspend-installation apps/unsuspend-installation apps/get-repo-installation apps/get-org-installation
apps/get-user-installation apps/create-installation-access-token apps/revoke-installation-access-token
apps/list-repos-accessible-to-installation apps/list-webhook-deliveries apps/get-webhook-delivery
apps/redeliver-webhook-delivery apps/get-webhook-config-for-app apps/update-webhook-config-for-app
apps/create-from-manifest
reactions/create-for-issue reactions/list-for-issue reactions/delete-for-issue
reactions/create-for-issue-comment reactions/list-for-issue-comment reactions/delete-for-issue-comment
reactions/create-for-pull-request-review-comment reactions/list-for-pull-request-review-comment
reactions/delete-for-pull-request-comment
issues/get issues/create issues/update issues/list-for-repo issues/list-comments issues/list-comments-for-repo
issues/get-comment issues/create-comment issues/update-comment issues/delete-comment issues/add-labels issues/set-labels
issues/remove-label issues/list-labels-on-issue issues/list-labels-for-repo issues/create-label issues/get-label
issues/add-assignees issues/remove-assignees issues/lock issues/unlock
repos/get repos/get-content repos/get-collaborator-permission-level repos/get-branch repos/list-branches
repos/get-branch-protection repos/compare-commits-with-basehead repos/get-commit repos/list-commits
git/get-ref git/list-matching-refs git/create-ref git/update-ref git/delete-ref git/get-commit
pulls/create pulls/get pulls/list pulls/update pulls/list-files pulls/list-commits pulls/merge pulls/request-reviewers
pulls/create-review pulls/get-review pulls/update-review pulls/dismiss-review pulls/list-reviews pulls/list-review-comments pulls/list-comments-for-review
pulls/get-review-comment pulls/create-review-comment pulls/create-reply-for-review-comment
pulls/update-review-comment pulls/delete-review-comment
checks/create checks/get checks/update checks/list-for-ref checks/list-suites-for-ref checks/get-suite
checks/list-annotations repos/get-combined-status-for-ref repos/list-commit-statuses-for-ref repos/create-commit-status
repos/list-pull-requests-associated-with-commit
actions/list-workflow-runs-for-repo actions/list-jobs-for-workflow-run actions/get-job-for-workflow-run
actions/download-job-logs-for-workflow-run
users/get-by-username users/get-by-id users/get-authenticated orgs/get orgs/get-membership-for-user rate-limit/get
apps/delete-token
`
  .trim()
  .split(/\s+/);

/** The webhooks (GitHub's names: event and action, hyphenated) whose payload schemas are kept. */
export const sliceWebhooks: readonly string[] = `
installation-created installation-deleted installation-suspend installation-unsuspend
installation-new-permissions-accepted installation-repositories-added installation-repositories-removed
issues-opened issues-edited issues-closed issues-reopened issues-deleted issues-labeled issues-unlabeled
issues-assigned issues-unassigned issues-locked issues-unlocked
issue-comment-created issue-comment-edited issue-comment-deleted
pull-request-opened pull-request-edited pull-request-closed pull-request-reopened pull-request-synchronize
pull-request-labeled pull-request-unlabeled pull-request-assigned pull-request-unassigned
pull-request-review-requested pull-request-ready-for-review pull-request-converted-to-draft
pull-request-locked pull-request-unlocked
pull-request-review-submitted pull-request-review-edited pull-request-review-dismissed
pull-request-review-comment-created pull-request-review-comment-edited
pull-request-review-comment-deleted check-run-created check-run-completed check-run-rerequested
check-suite-completed check-suite-requested check-suite-rerequested status
pull-request-review-thread-resolved pull-request-review-thread-unresolved delete
repository-created repository-renamed repository-deleted repository-archived repository-edited repository-privatized
repository-publicized repository-transferred push
`
  .trim()
  .split(/\s+/);
