import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody } from "./read-body.ts";
import type { App } from "./state.ts";
import type { World } from "./world.ts";

type Exchange = { world: World; incoming: IncomingMessage; response: ServerResponse; url: URL };

/** A person who was sent back to an App with a code, which is good once and for ten minutes. */
export type SignIn = {
  appId: number;
  userId: number;
  redirectUri: string;
  challenge: string;
  expiresAt: number;
};

const codeLifetimeMs = 10 * 60_000;
const tokenLifetimeMs = 8 * 3_600_000;
const asked = new Set([
  ...["client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method"],
  ...["allow_signup", "login", "prompt"],
]);

/**
 * GitHub's sign-in for Apps. Who sits at the browser is told by its cookie `user_session`: a token of that person's, or `cancel` for
 * somebody who presses that.
 */
export async function serveSignIn(exchange: Exchange): Promise<void> {
  const { incoming, url } = exchange;
  const route = `${incoming.method ?? ""} ${url.pathname}`;
  if (route === "GET /login/oauth/authorize") authorize(exchange);
  else if (route === "POST /login/oauth/access_token") await exchangeCode(exchange);
  else answer(exchange, 404, "Not Found");
}

function authorize(exchange: Exchange): void {
  const { world, incoming, response, url } = exchange;
  const param = (name: string) => url.searchParams.get(name) ?? "";
  const app = appOf(world, param("client_id"));
  if (app === undefined) {
    answer(exchange, 404, "Not Found");
    return;
  }
  const redirectUri = param("redirect_uri");
  const problems = [
    ...[...url.searchParams.keys()]
      .filter((name) => !asked.has(name))
      .map((name) => `${name} is no parameter`),
    ...(app.callbackUrls.includes(redirectUri) ? [] : [`redirect_uri ${redirectUri} is not the App's`]),
    ...(param("state").length >= 20 ? [] : ["state: expected something that cannot be guessed"]),
    ...(/^[\w-]{43}$/.test(param("code_challenge")) && param("code_challenge_method") === "S256"
      ? []
      : ["code_challenge: expected a SHA-256 in base64url, with code_challenge_method S256"]),
  ];
  if (problems.length > 0) {
    world.violations.push(...problems.map((problem) => `invalid sign-in: ${problem}`));
    answer(exchange, 400, problems.join("\n"));
    return;
  }
  const session = /(?:^|; )user_session=([^;]+)/.exec(incoming.headers.cookie ?? "")?.[1];
  const token = world.tokens.get(session ?? "");
  const back = new URL(redirectUri);
  back.searchParams.set("state", param("state"));
  if (session === "cancel") back.searchParams.set("error", "access_denied");
  else if (token?.kind === "user" && token.via === undefined) {
    const code = randomBytes(10).toString("hex");
    world.signIns.set(code, {
      ...{ appId: app.id, userId: token.userId, redirectUri, challenge: param("code_challenge") },
      expiresAt: world.now().getTime() + codeLifetimeMs,
    });
    back.searchParams.set("code", code);
  } else {
    answer(exchange, 200, "Sign in to GitHub");
    return;
  }
  response.writeHead(302, { location: back.href }).end();
}

/** A refusal is a 200 with an error in it, as on GitHub. */
async function exchangeCode(exchange: Exchange): Promise<void> {
  const { world, incoming } = exchange;
  const form = new URLSearchParams((await readBody(incoming)).toString());
  const refuse = (error: string): void => {
    answer(exchange, 200, { error, error_description: error, error_uri: `${world.url}/docs` });
  };
  if (incoming.headers.accept !== "application/json") {
    world.violations.push("invalid sign-in: without accept: application/json the answer is a form");
    answer(exchange, 406, "Not Acceptable");
    return;
  }
  const app = appOf(world, form.get("client_id") ?? "");
  if (app === undefined || form.get("client_secret") !== app.clientSecret) {
    world.violations.push("invalid sign-in: incorrect_client_credentials");
    refuse("incorrect_client_credentials");
    return;
  }
  const code = form.get("code") ?? "";
  const signIn = world.signIns.get(code);
  world.signIns.delete(code);
  if (signIn === undefined || signIn.appId !== app.id || signIn.expiresAt <= world.now().getTime()) {
    refuse("bad_verification_code");
    return;
  }
  const challenge = createHash("sha256")
    .update(form.get("code_verifier") ?? "")
    .digest("base64url");
  if (challenge !== signIn.challenge) {
    refuse("bad_verification_code");
    return;
  }
  if (form.get("redirect_uri") !== signIn.redirectUri) {
    refuse("redirect_uri_mismatch");
    return;
  }
  const token = `ghu_${randomBytes(18).toString("hex")}`;
  const expiresAt = world.now().getTime() + tokenLifetimeMs;
  world.tokens.set(token, { kind: "user", userId: signIn.userId, via: { appId: app.id, expiresAt } });
  answer(exchange, 200, {
    ...{ access_token: token, token_type: "bearer", scope: "", expires_in: tokenLifetimeMs / 1000 },
    ...{ refresh_token: `ghr_${randomBytes(38).toString("hex")}`, refresh_token_expires_in: 15_897_600 },
  });
}

const appOf = (world: World, id: string): App | undefined =>
  [...world.apps.values()].find(({ clientId }) => clientId === id);

function answer({ response }: Exchange, status: number, body: string | object): void {
  const isText = typeof body === "string";
  response.writeHead(status, { "content-type": isText ? "text/plain; charset=utf-8" : "application/json" });
  response.end(isText ? `${body}\n` : JSON.stringify(body));
}
