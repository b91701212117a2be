import { withAccount } from "../../db/client.ts";
import { GitHubRefusal } from "../github/github-error.ts";
import { toInlineCode } from "../github/inline-text.ts";
import { mark } from "../github/mark.ts";
import type { RepositoryClient } from "../github/octokit.ts";
import { readPull } from "../github/read-pull.ts";
import { editComment, readOwnComment } from "../github/say.ts";
import { repoSettingsPath } from "../github/settings-at-commit.ts";
import { ensureTenant, findAccountOfInstallation } from "../tasks/tenant-store.ts";
import { pullRequestPushed, type PullRequestPushed } from "./payloads.ts";
import { findReply, type ReplyKey } from "./reply-store.ts";
import { sayOnce } from "./say-once.ts";
import { lookAtSettings, type SettingsLook } from "./settings-look.ts";
import type { TriggerDeps } from "./trigger.ts";

/** GitHub's clock and the database's may differ by so much. */
const skewMs = 600_000;

/**
 * A push to any pull request: one comment says which settings it would change, and later pushes edit that comment. It
 * starts no work, so nobody's role is asked. A pull request that leaves the settings file alone costs two requests.
 */
export async function noteSettingsChange(deps: TriggerDeps, payload: unknown): Promise<string> {
  const event = pullRequestPushed.parse(payload);
  const accountId = await findAccountOfInstallation(deps.system, event.installation.id);
  if (accountId === null) return "unknown-installation";
  const { repository, pull_request: pull } = event;
  const note: ReplyKey = {
    ...{ accountId, repositoryId: repository.id, issueNumber: pull.number },
    ...{ kind: "settings-change", key: String(pull.number) },
  };
  try {
    const reader = deps.github.openRepository({ ...placeOf(event), permissions: { contents: "read" } });
    const look = await withClient(reader, (client) => lookAtSettings(deps, { accountId, event, client }));
    const saidAt = await withAccount(deps.db, accountId, (tx) => findReply(tx, note));
    if (saidAt === null && look.kind !== "changes") return `settings-${look.kind}`;
    const writer = deps.github.openRepository({
      ...placeOf(event),
      permissions: { issues: "write", pull_requests: "write" },
    });
    return await withClient(writer, (client) =>
      say(deps, { event, client, note, saidAt, text: wordsOf(look) }),
    );
  } catch (error) {
    // Such as in a locked thread. Nobody has asked for the note.
    if (!(error instanceof GitHubRefusal)) throw error;
    deps.log.warn({ err: error, pull: pull.number }, "a change of the settings could not be noted");
    return "refused";
  }
}

function wordsOf(look: SettingsLook): string {
  const file = toInlineCode(repoSettingsPath);
  switch (look.kind) {
    case "changes":
      return look.text;
    case "same":
      return `This pull request changes ${file}, which is valid. No setting in force changes.`;
    case "untouched":
      return `This pull request no longer changes ${file}.`;
  }
}

type Saying = {
  event: PullRequestPushed;
  client: RepositoryClient;
  note: ReplyKey;
  /** Null: there is no note yet. */
  saidAt: Date | null;
  text: string;
};

async function say(deps: TriggerDeps, saying: Saying): Promise<string> {
  const { event, client, note, saidAt, text } = saying;
  const { octokit } = client;
  const repository = { owner: client.owner, name: client.name };
  const pull = await readPull(octokit, { repository, number: note.issueNumber });
  if (pull?.state !== "open") return "pull-request-closed";
  // A later push has a delivery of its own, and must not be told what an earlier one was.
  if (pull.head.sha !== event.pull_request.head.sha) return "pushed-meanwhile";
  const { botId } = await deps.github.identity(octokit);
  const thread = {
    ...{ installationId: event.installation.id, repository, issueNumber: note.issueNumber },
    ...{ kind: note.kind, key: note.key, botId },
  };
  if (saidAt === null) {
    await knowRepository(deps, saying);
    await sayOnce(deps, octokit, { ...thread, ...note, since: new Date(0), text });
    return "settings-noted";
  }
  const since = new Date(saidAt.getTime() - skewMs);
  const standing = await readOwnComment(octokit, { ...thread, since });
  // Whoever deletes it does not want it back with the next push.
  if (standing === null) return "note-deleted";
  const body = `${text}\n\n${mark(note.kind, note.key)}`;
  if (standing.body.trimEnd() === body) return "note-stands";
  await editComment(deps, octokit, { ...thread, commentId: standing.id, body });
  return "note-edited";
}

/** Its own event may be late. The names are those that GitHub gave with the token. */
async function knowRepository(deps: TriggerDeps, { event, client }: Saying): Promise<void> {
  const { id, private: isPrivate, owner } = event.repository;
  await ensureTenant(deps.system, {
    account: {
      ...{ githubId: owner.id, login: client.owner, kind: owner.type },
      maxParallelTasks: deps.config.limits.accountParallelTasks,
    },
    installationId: event.installation.id,
    repository: { id, owner: client.owner, name: client.name, private: isPrivate },
  });
}

const placeOf = ({ installation, repository }: PullRequestPushed) => ({
  installationId: installation.id,
  repositoryId: repository.id,
});

async function withClient<T>(
  opening: Promise<RepositoryClient>,
  work: (client: RepositoryClient) => Promise<T>,
): Promise<T> {
  const client = await opening;
  try {
    return await work(client);
  } finally {
    await client.revoke();
  }
}
