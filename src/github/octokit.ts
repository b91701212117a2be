import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import type { Config, GitHubApp } from "../config.ts";
import type { Logger } from "../log.ts";
import { toGitHubError } from "./github-error.ts";

export type Permissions = Partial<
  Record<
    "contents" | "issues" | "pull_requests" | "metadata" | "checks" | "statuses" | "actions",
    "read" | "write"
  >
>;

/** A client whose token can touch one repository, and only in the ways named. */
export type RepositoryClient = {
  octokit: Octokit;
  token: string;
  owner: string;
  name: string;
  /** Makes the token worthless; a failure is logged only, because the token dies within the hour anyway. */
  revoke(): Promise<void>;
};

export type GitHub = {
  /** Signs as the App itself. */
  app: Octokit;
  /** The App's own numeric id, slug and bot account; read once, with a client of any repository, because GitHub shows accounts to no App itself. */
  identity(octokit: Octokit): Promise<AppIdentity>;
  openRepository(input: {
    installationId: number;
    repositoryId: number;
    permissions: Permissions;
  }): Promise<RepositoryClient>;
};

export type AppIdentity = { id: number; slug: string; botId: number; botLogin: string; commitEmail: string };

/** What a new token may do. */
export type MintedToken = {
  installationId: number;
  repositoryId: number;
  permissions: Readonly<Record<string, string>>;
};

type GitHubDeps = {
  config: { github: Config["github"]; app: GitHubApp };
  log: Logger;
  /** Runs before a new token is used; when it fails there is none. */
  onMinted?: (minted: MintedToken) => Promise<void>;
};

/**
 * Builds the clients for GitHub. Nothing here retries: a repeated POST is a second comment, so the queue tries
 * again and every effect is looked up first.
 */
export function createGitHub({ config, log, onMinted }: GitHubDeps): GitHub {
  const common = { baseUrl: config.github.apiUrl, userAgent: "remote-claude", log: quiet(log) };
  const app = new Octokit({
    ...common,
    authStrategy: createAppAuth,
    auth: { appId: config.app.id, privateKey: config.app.privateKey },
  });
  let identity: Promise<AppIdentity> | undefined;
  return {
    app,
    identity(octokit) {
      identity ??= readIdentity(app, octokit, config.github.serverUrl).catch((error: unknown) => {
        identity = undefined;
        throw error;
      });
      return identity;
    },
    async openRepository(input) {
      const { granted, ...minted } = await mintToken(app, input);
      const { installationId, repositoryId } = input;
      await onMinted?.({ installationId, repositoryId, permissions: granted });
      const octokit = new Octokit({ ...common, auth: minted.token });
      return {
        octokit,
        ...minted,
        async revoke() {
          try {
            await octokit.rest.apps.revokeInstallationAccessToken();
          } catch (error) {
            log.warn(
              { err: toGitHubError(error, "revoking a token") },
              "a token was not revoked; it expires by itself",
            );
          }
        },
      };
    },
  };
}

async function readIdentity(app: Octokit, octokit: Octokit, serverUrl: string): Promise<AppIdentity> {
  try {
    const { data: self } = await app.rest.apps.getAuthenticated();
    if (self === null || self.slug === undefined) throw new Error("GET /app answered without a slug");
    const botLogin = `${self.slug}[bot]`;
    const { data: bot } = await octokit.rest.users.getByUsername({ username: botLogin });
    const host = new URL(serverUrl).hostname;
    return {
      id: self.id,
      slug: self.slug,
      botId: bot.id,
      botLogin,
      commitEmail: `${bot.id}+${botLogin}@users.noreply.${host}`,
    };
  } catch (error) {
    throw toGitHubError(error, "reading the App's own account");
  }
}

async function mintToken(
  app: Octokit,
  input: { installationId: number; repositoryId: number; permissions: Permissions },
): Promise<{ token: string; owner: string; name: string; granted: Record<string, string> }> {
  const permissions: Permissions = { metadata: "read", ...input.permissions };
  const { data } = await app.rest.apps
    .createInstallationAccessToken({
      installation_id: input.installationId,
      repository_ids: [input.repositoryId],
      permissions,
    })
    .catch((error: unknown) => {
      throw toGitHubError(error, "asking for a repository token");
    });
  const repository = data.repositories?.[0];
  const granted = data.permissions as Record<string, string>;
  const sameScope =
    repository?.id === input.repositoryId &&
    data.repositories?.length === 1 &&
    Object.keys(granted).every((name) => granted[name] === permissions[name as keyof Permissions]) &&
    Object.keys(permissions).every((name) => name in granted);
  if (!sameScope) {
    throw new Error(
      `GitHub granted another scope than asked: asked repository ${input.repositoryId} with ${JSON.stringify(permissions)}, got ${JSON.stringify({ repositories: data.repositories?.map(({ id }) => id), permissions: granted })}`,
    );
  }
  return { token: data.token, owner: repository.owner.login, name: repository.name, granted };
}

/** Octokit logs each failed request at error; ours are thrown and logged once where they end. */
function quiet(log: Logger) {
  const debug = (message: string) => log.debug(message);
  return { debug, info: debug, warn: debug, error: debug };
}
