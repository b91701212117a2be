import { randomBytes } from "node:crypto";
import { suspended } from "./auth.ts";
import { accountOf, numberOf, page, textOf } from "./call.ts";
import type { Answer, Call, Handler } from "./call.ts";
import { appFacts, installationFacts, installedRepositories } from "./facts.ts";
import { repositoryFacts } from "./facts-repository.ts";
import { HttpError, invalid, notFound } from "./http-error.ts";
import { isObject, numbers, texts } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { removeInstallation, setSuspended } from "./installations.ts";
import { covers } from "./roles.ts";
import type { App, Installation, Level, Permissions, Repository } from "./state.ts";
import { accountByLogin, accountById, repositoryByName } from "./world.ts";
import type { World } from "./world.ts";

const tokenLifetimeMs = 60 * 60 * 1000;

/** The App's own operations: who it is, where it is installed, tokens. */
export const appHandlers: Record<string, Handler> = {
  "apps/get-authenticated": (world, call) => ({ status: 200, facts: appFacts(world, appOf(call)) }),
  "apps/get-by-slug": (world, call) => {
    const app = [...world.apps.values()].find(({ slug }) => slug === call.params["app_slug"]);
    if (app === undefined) throw notFound();
    return { status: 200, facts: appFacts(world, app) };
  },
  "apps/list-installations": (world, call) => {
    const items = [...world.installations.values()].filter(({ appId }) => appId === appOf(call).id);
    return page(world, call, { items, facts: (installation) => installationFacts(world, installation) });
  },
  "apps/get-installation": (world, call) => ({
    status: 200,
    facts: installationFacts(world, namedIn(world, call)),
  }),
  "apps/get-repo-installation": (world, call) => {
    const repository = repositoryByName(world, textOf(call, "owner"), textOf(call, "repo"));
    const found = ofApp(world, call).find((installation) =>
      installedRepositories(world, installation).some(({ id }) => id === repository?.id),
    );
    return foundInstallation(world, found);
  },
  "apps/get-org-installation": (world, call) => ofAccount(world, call, call.params["org"]),
  "apps/get-user-installation": (world, call) => ofAccount(world, call, call.params["username"]),
  "apps/delete-installation": (world, call) => {
    const installation = namedIn(world, call);
    removeInstallation(world, installation, botOf(world, call));
    return { status: 204 };
  },
  "apps/suspend-installation": (world, call) => {
    setSuspended(world, namedIn(world, call), { suspended: true, by: botOf(world, call) });
    return { status: 204 };
  },
  "apps/unsuspend-installation": (world, call) => {
    setSuspended(world, namedIn(world, call), { suspended: false, by: botOf(world, call) });
    return { status: 204 };
  },
  "apps/create-installation-access-token": createToken,
  "apps/revoke-installation-access-token": (world, call) => {
    if (call.actor.kind !== "installation") throw new HttpError(401, "Bad credentials");
    world.tokens.delete(call.actor.token);
    return { status: 204 };
  },
  "apps/list-repos-accessible-to-installation": listRepositories,
};

/** The App that calls with its own JSON web token. */
export function appOf(call: Call): App {
  if (call.actor.kind !== "app") throw new HttpError(401, "A JSON web token could not be decoded");
  return call.actor.app;
}

function botOf(world: World, call: Call) {
  return accountById(world, appOf(call).botUserId);
}

function ofApp(world: World, call: Call): Installation[] {
  return [...world.installations.values()].filter(({ appId }) => appId === appOf(call).id);
}

function namedIn(world: World, call: Call): Installation {
  const installation = ofApp(world, call).find(({ id }) => id === numberOf(call, "installation_id"));
  if (installation === undefined) throw notFound();
  return installation;
}

function ofAccount(world: World, call: Call, login: string | undefined): Answer {
  const account = accountByLogin(world, login ?? "");
  return foundInstallation(
    world,
    ofApp(world, call).find(({ accountId }) => accountId === account?.id),
  );
}

function foundInstallation(world: World, installation: Installation | undefined): Answer {
  if (installation === undefined) throw notFound();
  return { status: 200, facts: installationFacts(world, installation) };
}

function createToken(world: World, call: Call): Answer {
  const installation = namedIn(world, call);
  if (installation.suspendedAt !== null) throw suspended();
  const permissions = narrowedPermissions(installation, call.body["permissions"]);
  const chosen = narrowedRepositories(world, installation, call.body);
  const token = newToken(appOf(call).id);
  const expiresAt = world.now().getTime() + tokenLifetimeMs;
  const repositoryIds = chosen === null ? null : new Set(chosen.map(({ id }) => id));
  world.tokens.set(token, {
    kind: "installation",
    installationId: installation.id,
    permissions,
    repositoryIds,
    expiresAt,
  });
  const facts: JsonObject = {
    token,
    expires_at: `${new Date(expiresAt).toISOString().slice(0, 19)}Z`,
    permissions,
    repository_selection: chosen === null ? installation.selection : "selected",
    ...(chosen === null
      ? {}
      : { repositories: chosen.map((repository) => repositoryFacts(world, repository)) }),
  };
  return { status: 201, facts };
}

/** GitHub's newer shape: the App's id, then a signed part with dots; whoever looks for secrets must know it. */
function newToken(appId: number): string {
  const part = (bytes: number) => randomBytes(bytes).toString("base64url");
  return `ghs_${appId}_${part(24)}.${part(96)}.${part(64)}`;
}

function narrowedPermissions(installation: Installation, wanted: JsonObject[string]): Permissions {
  if (!isObject(wanted)) return { ...installation.permissions };
  const permissions: Permissions = {};
  for (const [name, level] of Object.entries(wanted)) permissions[name] = level as Level;
  if (!covers(installation.permissions, permissions)) {
    throw new HttpError(422, "The permissions requested are not granted to this installation.");
  }
  return { ...permissions, metadata: "read" };
}

function narrowedRepositories(
  world: World,
  installation: Installation,
  body: JsonObject,
): Repository[] | null {
  if (body["repositories"] === undefined && body["repository_ids"] === undefined) return null;
  const reachable = installedRepositories(world, installation);
  const byName = texts(body["repositories"]).map((name) =>
    reachable.find((repository) => repository.name.toLowerCase() === name.toLowerCase()),
  );
  const byId = numbers(body["repository_ids"]).map((id) =>
    reachable.find((repository) => repository.id === id),
  );
  const chosen = [...byName, ...byId];
  const known = chosen.filter((repository) => repository !== undefined);
  if (known.length !== chosen.length) {
    throw new HttpError(
      422,
      "There is at least one repository that does not exist or is not accessible to the parent installation.",
    );
  }
  if (known.length === 0)
    throw invalid("InstallationToken", { field: "repository_ids", code: "missing_field" });
  return known;
}

function listRepositories(world: World, call: Call): Answer {
  const { actor } = call;
  if (actor.kind !== "installation")
    throw new HttpError(403, "You must authenticate with an installation access token");
  const items = installedRepositories(world, actor.installation).filter(
    ({ id }) => actor.repositoryIds?.has(id) ?? true,
  );
  const answer = page(world, call, {
    items,
    facts: (repository) => repositoryFacts(world, repository, accountOf(actor)),
    wrap: "repositories",
  });
  const facts = isObject(answer.facts) ? answer.facts : {};
  return { ...answer, facts: { ...facts, repository_selection: actor.installation.selection } };
}
