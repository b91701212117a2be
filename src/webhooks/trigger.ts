import type { Octokit } from "@octokit/rest";
import type { Deps } from "../deps.ts";
import { UserError } from "../errors.ts";
import type { Settings } from "../github/settings-values.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { react } from "../github/reaction.ts";
import { ensureTenant, type Tenant } from "../tasks/tenant-store.ts";
import { cameTooLate } from "./came-too-late.ts";
import { recordAdmitted } from "./record-admitted.ts";
import { checkGate, type Actor, type GateVerdict } from "./gate.ts";
import { isIgnoredReason, type IgnoredReason } from "./ignored-reason.ts";
import { recordIgnored } from "./ignored-store.ts";
import { noteIgnored } from "./note-ignored.ts";
import { readSettingsNow } from "./read-settings-now.ts";
import { replies } from "./replies.ts";
import { tenantFacts } from "./tenant-facts.ts";
import { createReply, unlessRefused } from "./thread-reply.ts";

export type TriggerDeps = Pick<
  Deps,
  "db" | "system" | "github" | "queue" | "config" | "log" | "clock" | "plans"
>;

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
  /** What asked, in a word, for those who ask why nothing came of it. */
  what: "comment" | "label" | "assignment" | "review" | "review comment";
  /** Where the eyes go; null: the issue or pull request itself. GitHub's reviews take none. */
  commentId: number | null;
  commentKind?: "comment" | "review-comment";
  /** The label that was put on; one that starts nothing here is left alone. */
  label?: string;
  /** The handler gives the eyes itself, when it knows whether anything is asked. */
  eyes?: "later";
  /** Nobody was named: a person who may not write is left alone instead of being refused. */
  unaddressed?: true;
  triggeredAt: Date;
};

/** What a handler may use once the gate has let the person through. */
export type Admitted = {
  tenant: Tenant;
  client: RepositoryClient;
  /** What holds in the repository as its default branch stood a moment ago. */
  settings: Settings;
  /** Answers on the thread, once per triggering object. */
  reply(text: string): Promise<void>;
  /** The eyes. */
  acknowledge(): Promise<void>;
  /** The confused face: nothing comes of it, and it has been said why. */
  decline(): Promise<void>;
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
  // Before its old names could overwrite the ones of today.
  if (await cameTooLate(deps, event)) return noteIgnored(deps, { thread: event, reason: "too-old" });
  const tenant = await ensureTenant(deps.system, tenantFacts(deps, event));
  const ignore = (reason: IgnoredReason) => ignoreTrigger(deps, { tenant, event, reason });
  if (tenant.removed) return ignore("not-installed");
  if (tenant.suspended) return ignore("suspended");
  const client = await openThread(deps, event);
  try {
    const identity = await deps.github.identity(client.octokit);
    const repository = { owner: client.owner, name: client.name };
    const verdict = await checkGate(client.octokit, {
      sender: event.sender,
      viaAppId: event.viaAppId,
      ourAppId: identity.id,
      ourBotId: identity.botId,
      readSettings: () =>
        readSettingsNow(deps, {
          ...{ accountId: tenant.accountId, installationId: event.installation.id, client },
          repositoryId: event.repository.id,
        }),
      ...(event.label === undefined ? {} : { label: event.label }),
      repository,
    });
    const reply = createReply(deps, { tenant, client, event, botId: identity.botId });
    if (!verdict.ok) {
      if (verdict.reason === "ourselves" || verdict.reason === "other-label") return verdict.reason;
      const refusal = event.unaddressed === true ? null : refuse(event, verdict);
      if (refusal !== null) await reply(refusal.text, { kind: "refusal", key: refusal.key });
      return await ignore(verdict.reason);
    }
    await recordAdmitted(deps, { accountId: tenant.accountId, event });
    const show = (content: "eyes" | "confused") =>
      acknowledge(deps, client.octokit, event, { repository, content });
    const eyes = () => show("eyes");
    if (event.eyes !== "later") await eyes();
    try {
      await work({
        tenant,
        client,
        settings: verdict.settings,
        reply: (text) => reply(text),
        acknowledge: eyes,
        decline: () => show("confused"),
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const as = error.code === "bots-alone" ? botsAlone : undefined;
      // What there is to say of a plan has been said.
      if (error.code !== "no-plan") await reply(replies.refused(error), as);
      return isIgnoredReason(error.code) ? await ignore(error.code) : error.code;
    }
    return "admitted";
  } finally {
    await client.revoke();
  }
}

/** What a person who may not start work here is told, once in a thread; null: nothing. */
function refuse(
  { sender, issueNumber }: ThreadEvent,
  verdict: Extract<GateVerdict, { ok: false }>,
): { text: string; key: string } | null {
  switch (verdict.reason) {
    case "no-write-access":
      return { text: replies.noWriteAccess(sender.login), key: String(issueNumber) };
    case "role-narrowed":
      return { text: replies.roleNarrowed(sender.login, verdict.roles), key: `role:${issueNumber}` };
    default:
      return null;
  }
}

/** Bots hear it once in a thread: an answer to each of their comments would be a loop of its own. */
const botsAlone = { kind: "refusal", key: "bots-alone" } as const;

async function ignoreTrigger(
  deps: TriggerDeps,
  { tenant, event, reason }: { tenant: Tenant; event: ThreadEvent; reason: IgnoredReason },
): Promise<IgnoredReason> {
  await recordIgnored(deps, {
    ...{ deliveryId: event.deliveryId, accountId: tenant.accountId, repositoryId: event.repository.id },
    ...{ issueNumber: event.issueNumber, what: event.what, reason },
    ...{ actorId: event.sender.id, actorLogin: event.sender.login },
  });
  return reason;
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

/** In a locked thread GitHub refuses it; what was asked for is done all the same. */
async function acknowledge(
  deps: TriggerDeps,
  octokit: Octokit,
  event: ThreadEvent,
  shown: { repository: { owner: string; name: string }; content: "eyes" | "confused" },
): Promise<void> {
  await unlessRefused(deps, event, () =>
    react(deps, octokit, {
      ...shown,
      installationId: event.installation.id,
      issueNumber: event.issueNumber,
      commentId: event.commentId,
      ...(event.commentKind === undefined ? {} : { commentKind: event.commentKind }),
    }),
  );
}
