import { textOf } from "./call.ts";
import type { Handler } from "./call.ts";
import { profileFacts } from "./facts.ts";
import { HttpError, notFound } from "./http-error.ts";
import { without } from "./json.ts";
import { accountByLogin } from "./world.ts";

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
  "rate-limit/get": (world) => {
    const reset = Math.floor(world.now().getTime() / 1000) + 3600;
    const rate = { limit: 5000, remaining: 4999, used: 1, reset };
    const graphql = { ...rate, remaining: 5000, used: 0 };
    const search = { limit: 30, remaining: 30, used: 0, reset };
    return { status: 200, facts: { rate, resources: { core: rate, graphql, search } } };
  },
};
