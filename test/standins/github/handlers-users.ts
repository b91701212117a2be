import { textOf } from "./call.ts";
import type { Call, Handler } from "./call.ts";
import { accountFacts, profileFacts } from "./facts.ts";
import { HttpError, notAccessible, notFound } from "./http-error.ts";
import { inWords, without } from "./json.ts";
import { covers } from "./roles.ts";
import type { Account } from "./state.ts";
import { accountByLogin } from "./world.ts";
import type { World } from "./world.ts";

/** Accounts, and the pace the caller may go at. */
export const userHandlers: Record<string, Handler> = {
  "users/get-by-username": (world, call) => {
    const account = accountByLogin(world, textOf(call, "username"));
    if (account === undefined) throw notFound();
    return { status: 200, facts: profileFacts(world, account) };
  },
  "users/get-by-id": (world, call) => {
    const account = world.accounts.get(Number(call.params["account_id"]));
    if (account === undefined) throw notFound();
    return { status: 200, facts: profileFacts(world, account) };
  },
  "users/get-authenticated": (world, call) => {
    if (call.actor.kind === "installation")
      throw new HttpError(403, "Resource not accessible by integration");
    if (call.actor.kind !== "user") throw new HttpError(401, "Requires authentication");
    return { status: 200, facts: profileFacts(world, call.actor.user) };
  },
  "orgs/get": (world, call) => {
    const account = accountByLogin(world, textOf(call, "org"));
    if (account?.type !== "Organization") throw notFound();
    return {
      status: 200,
      facts: without(profileFacts(world, account), "name", "email", "company", "location", "blog"),
    };
  },
  "orgs/get-membership-for-user": (world, call) => {
    const organization = accountByLogin(world, textOf(call, "org"));
    if (organization?.type !== "Organization") throw notFound();
    allowMembers(world, call, organization);
    const person = accountByLogin(world, textOf(call, "username"));
    const standing = person === undefined ? undefined : organization.members.get(person.id);
    const isInvited = person !== undefined && organization.invited.has(person.id);
    if (person === undefined || (standing === undefined && !isInvited)) throw notFound();
    const url = `${world.apiUrl}/orgs/${organization.login}`;
    return {
      status: 200,
      facts: {
        url: `${url}/memberships/${person.login}`,
        state: isInvited ? "pending" : "active",
        role: isInvited || standing === "owner" ? "admin" : "member",
        organization_url: url,
        organization: accountFacts(world, organization),
        user: accountFacts(world, person),
      },
    };
  },
  "apps/delete-token": (world, call) => {
    const app = call.actor.kind === "client" ? call.actor.app : undefined;
    const value = inWords(call.body["access_token"]);
    const token = world.tokens.get(value);
    if (app === undefined || textOf(call, "client_id") !== app.clientId) throw notFound();
    if (token?.kind !== "user" || token.via?.appId !== app.id)
      throw new HttpError(422, "The token does not belong to this App");
    world.tokens.delete(value);
    return { status: 204 };
  },
  "rate-limit/get": (world) => {
    const reset = Math.floor(world.now().getTime() / 1000) + 3600;
    const rate = { limit: 5000, remaining: 4999, used: 1, reset };
    const graphql = { ...rate, remaining: 5000, used: 0 };
    const search = { limit: 30, remaining: 30, used: 0, reset };
    return { status: 200, facts: { rate, resources: { core: rate, graphql, search } } };
  },
};

/** Who may ask for memberships: members themselves, and an App with that permission where it is installed. */
function allowMembers(world: World, { actor }: Call, organization: Account): void {
  const app = actor.kind === "user" ? actor.via : actor.kind === "installation" ? actor.app : undefined;
  if (app !== undefined) {
    const at = [...world.installations.values()].find(
      ({ appId, accountId }) => appId === app.id && accountId === organization.id,
    );
    const held = actor.kind === "installation" ? actor.permissions : at?.permissions;
    if (at === undefined || at.suspendedAt !== null || !covers(held ?? {}, { members: "read" }))
      throw notAccessible("members=read");
  }
  if (actor.kind === "installation") return;
  if (actor.kind !== "user") throw new HttpError(401, "Requires authentication");
  const { members, invited } = organization;
  if (!members.has(actor.user.id) && !invited.has(actor.user.id))
    throw new HttpError(403, "You must be a member of this organization to see its members.");
}
