import { expect, test } from "vitest";
import { readRequest } from "../../src/webhooks/business-key.ts";
import { classifyDelivery } from "../../src/webhooks/classify-delivery.ts";

const at = "2026-11-20T10:00:00Z";
const issue = { id: 7, updated_at: at };
const ourPull = { id: 5, updated_at: at, head: { ref: "claude/7-x" } };
const theirPull = { id: 5, updated_at: at, head: { ref: "feature", sha: "abc" } };

test.each([
  [
    "issue_comment",
    { action: "created", comment: { id: 1, body: "/claude fix", created_at: at } },
    "comment:1",
  ],
  [
    "issue_comment",
    {
      action: "created",
      issue: { pull_request: {}, user: { id: 2, type: "Bot" } },
      comment: { id: 1, body: "Shorter, please.", created_at: at, user: { id: 3, type: "User" } },
    },
    "comment:1",
  ],
  [
    "issue_comment",
    { action: "edited", comment: { id: 1, body: "/claude fix", created_at: at, updated_at: at } },
    `edited:1:${at}`,
  ],
  [
    "pull_request_review",
    {
      action: "submitted",
      review: { id: 6, body: null, submitted_at: at, user: { id: 3, type: "User" } },
      pull_request: { head: { ref: "claude/7-x" }, user: { id: 2, type: "Bot" } },
    },
    "review:6",
  ],
  [
    "pull_request_review",
    {
      action: "submitted",
      review: { id: 6, body: "/claude fix", submitted_at: at, user: { id: 3, type: "User" } },
      pull_request: { head: { ref: "feature" }, user: { id: 3, type: "User" } },
    },
    "review:6",
  ],
  ["pull_request_review", { action: "dismissed", review: { id: 6 } }, "dismissed:6"],
  [
    "pull_request_review_comment",
    { action: "created", comment: { id: 8, body: "/claude fix", created_at: at } },
    "review-comment:8",
  ],
  [
    "check_suite",
    {
      action: "completed",
      check_suite: { id: 9, head_sha: "abc", head_branch: "claude/7-x", updated_at: at },
    },
    `suite:9:abc:${at}`,
  ],
  ["status", { id: 10, state: "failure", branches: [{ name: "claude/7-x" }] }, "status:10"],
  ["issues", { action: "labeled", issue, label: { id: 3, name: "claude" } }, `label:7:3:${at}`],
  // Which label starts work only the repository's settings say.
  ["issues", { action: "labeled", issue, label: { id: 4, name: "bug" } }, `label:7:4:${at}`],
  ["issues", { action: "assigned", issue, assignee: { id: 9 } }, `assign:7:9:${at}`],
  ["issues", { action: "closed", issue }, `issue:7:closed:${at}`],
  ["issues", { action: "deleted", issue }, `issue:7:deleted:${at}`],
  ["issues", { action: "transferred", issue }, `issue:7:transferred:${at}`],
  ["pull_request", { action: "closed", pull_request: ourPull }, `pull:5:closed:${at}`],
  // A task may be at work there.
  [
    "pull_request",
    { action: "closed", pull_request: { ...ourPull, head: { ref: "feature" } } },
    `pull:5:closed:${at}`,
  ],
  ["pull_request", { action: "reopened", pull_request: ourPull }, `pull:5:reopened:${at}`],
  // Anybody's may change the settings file.
  ["pull_request", { action: "opened", pull_request: theirPull }, `pull:5:opened:${at}`],
  ["pull_request", { action: "synchronize", pull_request: theirPull }, `pull:5:synchronize:${at}:abc`],
  ["pull_request", { action: "reopened", pull_request: theirPull }, `pull:5:reopened:${at}`],
  ["pull_request", { action: "edited", changes: { base: {} }, pull_request: ourPull }, `pull:5:edited:${at}`],
  [
    "installation",
    { action: "created", installation: { id: 4, updated_at: 1557933591 } },
    "installation:4:created:1557933591",
  ],
  [
    "installation",
    { action: "suspend", installation: { id: 4, updated_at: at } },
    `installation:4:suspend:${at}`,
  ],
  // Two of these can be alike without one being a replay of the other.
  ["installation", { action: "new_permissions_accepted", installation: { id: 4, updated_at: at } }, null],
  ["installation_repositories", { action: "added" }, null],
  ["repository", { action: "renamed" }, null],
] as const)("%s: %o asks under the key %s", (kind, body, key) => {
  expect(readRequest(kind, body)).toMatchObject({ businessKey: key });
});

test.each([
  ["issue_comment", { action: "edited", comment: { id: 1, body: "fix", created_at: at } }],
  [
    "issue_comment",
    {
      action: "created",
      issue: { pull_request: {}, user: { id: 2, type: "Bot" } },
      comment: { id: 1, body: "Done.", created_at: at, user: { id: 2, type: "Bot" } },
    },
  ],
  [
    "pull_request_review",
    {
      action: "submitted",
      review: { id: 6, body: "Nice.", submitted_at: at, user: { id: 3, type: "User" } },
      pull_request: { head: { ref: "feature" }, user: { id: 3, type: "User" } },
    },
  ],
  ["pull_request_review_comment", { action: "created", comment: { id: 8, body: "why?", created_at: at } }],
  ["check_suite", { action: "completed", check_suite: { id: 9, head_sha: "abc", head_branch: "main" } }],
  ["status", { id: 10, state: "pending", branches: [{ name: "claude/7-x" }] }],
  ["issue_comment", { action: "created", comment: { id: 1, body: "said /claude", created_at: at } }],
  ["issues", { action: "unassigned", issue }],
  ["pull_request", { action: "edited", changes: { title: {} }, pull_request: ourPull }],
  [
    "pull_request",
    { action: "edited", changes: { base: {} }, pull_request: { ...ourPull, head: { ref: "feature" } } },
  ],
  ["pull_request", { action: "converted_to_draft", pull_request: ourPull }],
  ["pull_request", { action: "ready_for_review", pull_request: ourPull }],
  ["repository", { action: "archived" }],
  ["pull_request_review", { action: "edited", review: { id: 6 } }],
  [null, { action: "created" }],
] as const)("%s: %o asks nothing", (kind, body) => {
  expect(readRequest(kind, body)).toBeNull();
});

test.each([
  ["2026-11-23T10:00:00Z", "job", "comment:1"],
  ["2026-11-23T10:00:01Z", "too-old", null],
] as const)(
  "a command of 20 November counts until three days later: %s is %s",
  (now, intake, businessKey) => {
    const body = { action: "created", issue: {}, comment: { id: 1, body: "/claude fix", created_at: at } };
    const classified = classifyDelivery({ event: "issue_comment", body, now: new Date(now) });
    expect(classified).toMatchObject({ ok: true, facts: { intake, businessKey } });
  },
);

test("news does not grow old", () => {
  const body = { action: "deleted", installation: { id: 4, updated_at: at, account: {} } };
  const classified = classifyDelivery({ event: "installation", body, now: new Date("2027-11-22T00:00:00Z") });
  expect(classified).toMatchObject({ ok: true, facts: { intake: "job" } });
});
