import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startGitHub, type GitHubStandin } from "./github/github.ts";

const redirectUri = "https://bot.example/back";
const verifier = "v".repeat(43);
let github: GitHubStandin;
let app: Awaited<ReturnType<GitHubStandin["createApp"]>>;

beforeEach(async () => {
  github = await startGitHub();
  for (const login of ["olga", "eve"]) github.createUser(login);
  github.createOrganization("acme", { owners: ["olga"] });
  const permissions = { metadata: "read", members: "read" } as const;
  app = await github.createApp({ name: "Bot", owner: "acme", permissions, events: [] });
  github.setCallbackUrls(app, [redirectUri]);
});

afterEach(async () => {
  const violations = [...github.violations];
  await github.close();
  expect(violations).toEqual([]);
});

async function authorize(change: Record<string, string> = {}, session = github.as("olga").token) {
  const url = new URL(`${github.url}/login/oauth/authorize`);
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const asked = {
    ...{ client_id: app.clientId, redirect_uri: redirectUri, state: "s".repeat(32) },
    ...{ code_challenge: challenge, code_challenge_method: "S256", ...change },
  };
  for (const [name, value] of Object.entries(asked)) if (value !== "") url.searchParams.set(name, value);
  const cookie = `user_session=${session}`;
  const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
  const back = answer.headers.get("location");
  return { status: answer.status, back: back === null ? null : new URL(back).searchParams };
}

async function trade(change: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const { back } = await authorize();
  const form = {
    ...{ client_id: app.clientId, client_secret: app.clientSecret, code: back?.get("code") ?? "" },
    ...{ redirect_uri: redirectUri, code_verifier: verifier, ...change },
  };
  const answer = await fetch(`${github.url}/login/oauth/access_token`, {
    ...{ method: "POST", headers: { accept: "application/json" }, body: new URLSearchParams(form) },
  });
  return (await answer.json()) as Record<string, unknown>;
}

const ask = (token: unknown, path: string) =>
  fetch(`${github.apiUrl}${path}`, {
    headers: { authorization: `Bearer ${String(token)}`, "user-agent": "test" },
  });

test("somebody who is signed in is sent back with a code and the state", async () => {
  expect((await authorize()).back?.get("state")).toBe("s".repeat(32));
  expect((await authorize({}, "cancel")).back?.get("error")).toBe("access_denied");
  expect(await authorize({}, "nobody")).toEqual({ status: 200, back: null });
});

test.each<[string, Record<string, string>]>([
  ["another address", { redirect_uri: "https://evil.example/" }],
  ["no state", { state: "" }],
  ["no challenge", { code_challenge: "" }],
  ["a plain challenge", { code_challenge_method: "plain" }],
  ["a parameter of no meaning", { scope: "repo" }],
])("with %s nobody is sent anywhere, and it is a violation", async (_name, change) => {
  expect(await authorize(change)).toEqual({ status: 400, back: null });
  expect(github.violations.splice(0)).not.toEqual([]);
});

test("a code is good once, with its verifier and its address, for its own App", async () => {
  expect(await trade()).toMatchObject({ token_type: "bearer" });
  expect(await trade({ code: "used" })).toMatchObject({ error: "bad_verification_code" });
  expect(await trade({ code_verifier: "w".repeat(43) })).toMatchObject({ error: "bad_verification_code" });
  expect(await trade({ redirect_uri: "https://bot.example/" })).toMatchObject({
    error: "redirect_uri_mismatch",
  });
  expect(await trade({ client_secret: "guess" })).toMatchObject({ error: "incorrect_client_credentials" });
  expect(github.violations.splice(0)).toEqual(["invalid sign-in: incorrect_client_credentials"]);
});

test("the token opens what person and App may: memberships only where the App is installed", async () => {
  const { access_token: token } = await trade();
  expect((await ask(token, "/user")).status).toBe(200);
  expect((await ask(token, "/orgs/acme/memberships/olga")).status).toBe(403);
  const installation = github.install({ app, owner: "acme", repositories: "all" });
  const answer = await ask(token, "/orgs/acme/memberships/olga");
  expect(await answer.json()).toMatchObject({
    state: "active",
    role: "admin",
    organization: { login: "acme" },
  });
  expect((await ask(token, "/orgs/acme/memberships/eve")).status).toBe(404);
  github.setMembership("acme", "olga", null);
  expect((await ask(token, "/orgs/acme/memberships/olga")).status).toBe(403);
  github.setMembership("acme", "olga", "invited");
  expect(await (await ask(token, "/orgs/acme/memberships/olga")).json()).toMatchObject({ state: "pending" });
  github.suspend(installation);
  expect((await ask(token, "/orgs/acme/memberships/olga")).status).toBe(403);
});

test("the App ends it by its own client, and nobody else does", async () => {
  const { access_token: token } = await trade();
  const end = (id: string, secret: string) =>
    fetch(`${github.apiUrl}/applications/${app.clientId}/token`, {
      method: "DELETE",
      headers: {
        ...{ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` },
        ...{ "user-agent": "test", "content-type": "application/json" },
      },
      body: JSON.stringify({ access_token: token }),
    });
  expect((await end(app.clientId, "guess")).status).toBe(401);
  expect((await ask(token, "/user")).status).toBe(200);
  expect((await end(app.clientId, app.clientSecret)).status).toBe(204);
  expect((await ask(token, "/user")).status).toBe(401);
});
