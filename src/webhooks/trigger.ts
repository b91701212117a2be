import type { Octokit } from "@octokit/rest";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { react } from "../github/reaction.ts";
import { createTask, type CreateTaskInput } from "../tasks/create-task.ts";
import { ensureTenant, type Tenant } from "../tasks/tenant-store.ts";
import { freezeContext, type FreezeInput } from "../tasks/freeze-context.ts";
import { sayQueued } from "../tasks/say-status.ts";
import { checkGate, type Actor } from "./gate.ts";
import { replies } from "./replies.ts";
import { sayOnce } from "./say-once.ts";

export type TriggerDeps = Pick<Deps, "db" | "system" | "github" | "queue" | "config" | "log" | "clock">;

/** A webhook that somebody caused in one thread of one repository. */
export type ThreadEvent = {
  deliveryId: string;
  installation: { id: number };
  repository: {
    id: number;
    name: string;
    private: boolean;
    owner: { id: number; login: string; type: "User" | "Organization" };
  };
  issueNumber: number;
  /** GitHub counts the comments of a pull request to another permission. */
  onPullRequest: boolean;
  sender: Actor;
  viaAppId: number | null;
  /** Where the eyes go; null: the issue. */
  commentId: number | null;
  triggeredAt: Date;
};

/** What a handler may use once the gate has let the person through. */
export type Admitted = {
  tenant: Tenant;
  client: RepositoryClient;
  /** Answers on the thread, once per triggering object. */
  reply(text: string): Promise<void>;
};

/**
 * Opens the thread for a person who may write: gate, then eyes, then `work`. Others are refused: people with
 * one polite reply per thread, ourselves and bots that are not listed in silence. A UserError of `work` is said on the thread.
 */
export async function admit(
  deps: TriggerDeps,
  event: ThreadEvent,
  work: (admitted: Admitted) => Promise<void>,
): Promise<string> {
  const tenant = await ensureTenant(deps.system, tenantFacts(deps, event));
  if (tenant.removed) return "not-installed";
  if (tenant.suspended) return "suspended";
  const client = await openThread(deps, event);
  try {
    const identity = await deps.github.identity(client.octokit);
    const repository = { owner: client.owner, name: client.name };
    const verdict = await checkGate(client.octokit, {
      sender: event.sender,
      viaAppId: event.viaAppId,
      ourAppId: identity.id,
      ourBotId: identity.botId,
      allowedBotIds: deps.config.allowedBotIds,
      repository,
    });
    const reply = createReply(deps, { tenant, client, event, botId: identity.botId });
    if (!verdict.ok) {
      if (verdict.reason === "no-write-access") {
        await reply(replies.noWriteAccess(event.sender.login), {
          kind: "refusal",
          key: String(event.issueNumber),
        });
      }
      return verdict.reason;
    }
    await acknowledge(deps, client.octokit, event, repository);
    try {
      await work({ tenant, client, reply: (text) => reply(text) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      await reply(replies.refused(error));
      return error.code;
    }
    return "admitted";
  } finally {
    await client.revoke();
  }
}

/** GitHub asks for another permission where the thread is a pull request's. */
function openThread(deps: TriggerDeps, event: ThreadEvent): Promise<RepositoryClient> {
  const { github } = deps;
  const at = { installationId: event.installation.id, repositoryId: event.repository.id };
  return event.onPullRequest
    ? github.openRepository({
        ...at,
        permissions: { contents: "read", issues: "write", pull_requests: "write" },
      })
    : github.openRepository({ ...at, permissions: { contents: "read", issues: "write" } });
}

async function acknowledge(
  deps: TriggerDeps,
  octokit: Octokit,
  event: ThreadEvent,
  repository: { owner: string; name: string },
): Promise<void> {
  await react(deps, octokit, {
    installationId: event.installation.id,
    repository,
    issueNumber: event.issueNumber,
    commentId: event.commentId,
    content: "eyes",
  });
}

type ReplyInput = { tenant: Tenant; client: RepositoryClient; event: ThreadEvent; botId: number };

function createReply(deps: TriggerDeps, { tenant, client, event, botId }: ReplyInput) {
  return async (
    text: string,
    as: { kind: "reply" | "refusal"; key: string } = {
      kind: "reply",
      key: String(event.commentId ?? event.deliveryId),
    },
  ): Promise<void> => {
    await sayOnce(deps, client.octokit, {
      accountId: tenant.accountId,
      installationId: event.installation.id,
      repository: { owner: client.owner, name: client.name },
      repositoryId: event.repository.id,
      issueNumber: event.issueNumber,
      botId,
      // A refusal is given once per thread, so all of it is searched; a reply cannot be older than what it answers.
      since: as.kind === "refusal" ? new Date(0) : event.triggeredAt,
      text,
      ...as,
    });
  };
}

function tenantFacts(deps: TriggerDeps, event: ThreadEvent) {
  const { owner } = event.repository;
  return {
    account: {
      githubId: owner.id,
      login: owner.login,
      kind: owner.type,
      maxParallelTasks: deps.config.limits.accountParallelTasks,
    },
    installationId: event.installation.id,
    repository: {
      id: event.repository.id,
      owner: owner.login,
      name: event.repository.name,
      private: event.repository.private,
    },
  };
}

export type StartInput = Pick<
  CreateTaskInput,
  "businessKey" | "trigger" | "triggerCommentId" | "verb" | "instruction" | "options"
> & { issue: FreezeInput["issue"] };

/** Freezes the thread and makes the task; when it must wait, the thread hears its place in the line. */
export async function startTask(
  deps: TriggerDeps,
  event: ThreadEvent,
  admitted: Admitted,
  input: StartInput,
): Promise<void> {
  const { client, tenant } = admitted;
  const { issue, ...rest } = input;
  const context = await freezeContext(client.octokit, {
    repository: { owner: client.owner, name: client.name },
    issue,
    requester: event.sender,
    triggeredAt: event.triggeredAt,
    wantedBase: input.options.base,
  });
  const created = await createTask(deps, {
    ...rest,
    accountId: tenant.accountId,
    installationId: event.installation.id,
    repositoryId: event.repository.id,
    deliveryId: event.deliveryId,
    requester: { id: event.sender.id, login: event.sender.login },
    context,
  });
  if (created?.mustWait === true) await sayQueued(deps, client, created);
}
