import { without } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Account, App, Installation, Repository } from "./state.ts";
import { accountById, must } from "./world.ts";
import type { World } from "./world.ts";

/** GitHub's opaque second name for a thing. */
export function nodeId(kind: string, id: number): string {
  return `${kind}_${Buffer.from(String(id)).toString("base64url")}`;
}

/** Everything the description may ask of an account. */
export function accountFacts(world: World, account: Account): JsonObject {
  const login = encodeURIComponent(account.login);
  const api = `${world.apiUrl}/users/${login}`;
  const isOrganization = account.type === "Organization";
  const web =
    account.type === "Bot"
      ? `${world.url}/apps/${account.login.replace("[bot]", "")}`
      : `${world.url}/${login}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(isOrganization ? "O" : account.type === "Bot" ? "BOT" : "U", account.id),
    avatar_url: `${world.url}/avatars/${account.id}`,
    gravatar_id: "",
    url: isOrganization ? `${world.apiUrl}/orgs/${login}` : api,
    html_url: web,
    followers_url: `${api}/followers`,
    following_url: `${api}/following{/other_user}`,
    gists_url: `${api}/gists{/gist_id}`,
    starred_url: `${api}/starred{/owner}{/repo}`,
    subscriptions_url: `${api}/subscriptions`,
    organizations_url: `${api}/orgs`,
    repos_url: `${api}/repos`,
    events_url: isOrganization ? `${world.apiUrl}/orgs/${login}/events` : `${api}/events{/privacy}`,
    received_events_url: `${api}/received_events`,
    type: account.type,
    user_view_type: "public",
    site_admin: false,
    ...(isOrganization
      ? {
          description: null,
          hooks_url: `${world.apiUrl}/orgs/${login}/hooks`,
          issues_url: `${world.apiUrl}/orgs/${login}/issues`,
          members_url: `${world.apiUrl}/orgs/${login}/members{/member}`,
          public_members_url: `${world.apiUrl}/orgs/${login}/public_members{/member}`,
        }
      : {}),
  };
}

/** What only an account's own page tells beside that. */
export function profileFacts(world: World, account: Account): JsonObject {
  const { name, createdAt } = account;
  const profile = { name, email: null, bio: null, blog: "", company: null, location: null, hireable: null };
  return { ...accountFacts(world, account), ...profile, created_at: createdAt, updated_at: createdAt };
}

export function accountFactsById(world: World, id: number | null): JsonObject | null {
  return id === null ? null : accountFacts(world, accountById(world, id));
}

export function appFacts(world: World, app: App): JsonObject {
  const installations = [...world.installations.values()].filter(({ appId }) => appId === app.id);
  return {
    id: app.id,
    slug: app.slug,
    node_id: nodeId("A", app.id),
    client_id: app.clientId,
    owner: accountFactsById(world, app.ownerId),
    name: app.name,
    description: app.description,
    external_url: app.externalUrl,
    html_url: `${world.url}/apps/${app.slug}`,
    created_at: app.createdAt,
    updated_at: app.createdAt,
    permissions: { ...app.permissions },
    events: [...app.events],
    installations_count: installations.length,
  };
}

/** The App behind something that was written, or null; never its counters. */
export function viaFacts(world: World, appId: number | null): Json {
  if (appId === null) return null;
  return without(appFacts(world, must(world.apps.get(appId), `app ${appId}`)), "installations_count");
}

export function installationFacts(world: World, installation: Installation): JsonObject {
  const account = accountById(world, installation.accountId);
  const app = must(world.apps.get(installation.appId), `app ${installation.appId}`);
  const settings = account.type === "Organization" ? `organizations/${account.login}/settings` : "settings";
  return {
    id: installation.id,
    account: accountFacts(world, account),
    repository_selection: installation.selection,
    access_tokens_url: `${world.apiUrl}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${world.apiUrl}/installation/repositories`,
    html_url: `${world.url}/${settings}/installations/${installation.id}`,
    app_id: app.id,
    client_id: app.clientId,
    app_slug: app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions: { ...installation.permissions },
    events: [...installation.events],
    created_at: installation.createdAt,
    updated_at: installation.updatedAt,
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: accountFactsById(world, installation.suspendedBy),
    suspended_at: installation.suspendedAt,
  };
}

/** The repositories an installation reaches, oldest first. */
export function installedRepositories(world: World, installation: Installation): Repository[] {
  return [...world.repositories.values()].filter(
    ({ id, ownerId }) =>
      ownerId === installation.accountId &&
      (installation.selection === "all" || installation.repositoryIds.has(id)),
  );
}
