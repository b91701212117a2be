import { z } from "zod";
import { mayHoldCommand } from "./command-trigger.ts";
import type { Body, DeliveryKind } from "./delivery-kind.ts";

/** What a delivery asks of us. `at`: when the person asked, for triggers; null for news, which does not grow old. */
export type DeliveryRequest = {
  /** Names what is asked, independent of the delivery, so that a replay is the same request; null: any number is fine. */
  businessKey: string | null;
  at: Date | null;
};

const action = z.string();
const time = z.iso.datetime({ offset: true });
const issue = z.object({ id: z.int(), updated_at: time });

const commentCreated = z.object({
  action: z.literal("created"),
  comment: z.object({ id: z.int(), body: z.string(), created_at: time }),
});
const labeled = z.object({
  action: z.literal("labeled"),
  issue,
  label: z.object({ id: z.int(), name: z.string() }),
});
const assigned = z.object({ action: z.literal("assigned"), issue, assignee: z.object({ id: z.int() }) });
const gone = z.object({ action: z.enum(["closed", "deleted", "transferred"]), issue });
const pullClosed = z.object({
  action: z.literal("closed"),
  pull_request: z.object({ id: z.int(), updated_at: time, head: z.object({ ref: z.string() }) }),
});
/** Older senders give installation times as seconds. */
const installation = z.object({
  action,
  installation: z.object({ id: z.int(), updated_at: z.union([z.string(), z.int()]) }),
});

const askingActions = new Map<string, readonly string[] | "all">([
  ["issue_comment", ["created"]],
  ["issues", ["labeled", "assigned", "closed", "deleted", "transferred"]],
  ["pull_request", ["closed"]],
  ["installation", "all"],
  ["installation_repositories", "all"],
  ["repository", ["renamed", "transferred", "deleted", "publicized", "privatized"]],
]);

/** Whether a delivery of this name can ask anything of us at all; what it does ask, only its body tells. */
export function mayAsk(event: string, action: string | null): boolean {
  const actions = askingActions.get(event);
  if (actions === undefined) return false;
  return actions === "all" || (action !== null && actions.includes(action));
}

/**
 * What, if anything, the delivery asks for. Throws a ZodError when a body of a kind we act on lacks what it must
 * have. News of repositories and permissions has no key: GitHub does not move `updated_at` for it, so
 * the second of two equal changes would pass for a replay of the first, while acting on a replay changes nothing.
 */
export function readRequest(
  kind: DeliveryKind | null,
  body: Body,
  options: { triggerLabel: string },
): DeliveryRequest | null {
  if (kind === null || !mayAsk(kind, typeof body.action === "string" ? body.action : null)) return null;
  switch (kind) {
    case "issue_comment":
      return readComment(commentCreated.parse(body));
    case "issues":
      return readIssue(body, options.triggerLabel);
    case "pull_request":
      return readPullClosed(pullClosed.parse(body));
    case "installation": {
      const { action, installation: it } = installation.parse(body);
      const key = `installation:${it.id}:${action}:${it.updated_at}`;
      return { businessKey: action === "new_permissions_accepted" ? null : key, at: null };
    }
    case "installation_repositories":
    case "repository":
      return { businessKey: null, at: null };
    default:
      return null;
  }
}

function readComment({ comment }: z.infer<typeof commentCreated>): DeliveryRequest | null {
  if (!mayHoldCommand(comment.body)) return null;
  return { businessKey: `comment:${comment.id}`, at: new Date(comment.created_at) };
}

function readIssue(body: Body, triggerLabel: string): DeliveryRequest | null {
  switch (body.action) {
    case "labeled": {
      const { issue, label } = labeled.parse(body);
      if (label.name.toLowerCase() !== triggerLabel.toLowerCase()) return null;
      return {
        businessKey: `label:${issue.id}:${label.id}:${issue.updated_at}`,
        at: new Date(issue.updated_at),
      };
    }
    case "assigned": {
      const { issue, assignee } = assigned.parse(body);
      return {
        businessKey: `assign:${issue.id}:${assignee.id}:${issue.updated_at}`,
        at: new Date(issue.updated_at),
      };
    }
    case "closed":
    case "deleted":
    case "transferred": {
      const { action, issue } = gone.parse(body);
      return { businessKey: `issue:${issue.id}:${action}:${issue.updated_at}`, at: null };
    }
    default:
      return null;
  }
}

/** Only branches of ours: every other pull request's end is nothing to us. */
function readPullClosed({ pull_request: pull }: z.infer<typeof pullClosed>): DeliveryRequest | null {
  if (!pull.head.ref.startsWith("claude/")) return null;
  return { businessKey: `pull:${pull.id}:closed:${pull.updated_at}`, at: null };
}
