import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { PayerDoor } from "../billing/payer-door.ts";
import { TransientError, UserError, toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import {
  billingProblems as problems,
  billingRoot,
  billingStylesheet,
  payerPage,
  signedInPath,
} from "./billing-pages.ts";
import { endSignIn, finishSignIn, newSignInSecrets, signInUrl, type OAuthClient } from "./github-sign-in.ts";
import { readOwner, type OwnerVerdict } from "./read-owner.ts";
import { isSameOrigin, readOrigin, type RequestOrigin } from "./request-origin.ts";
import { sendPage, type Page } from "./send-page.ts";
import { dropSignInCookie, readSignInCookie, writeSignInCookie } from "./sign-in-cookie.ts";

export type BillingPagesDeps = {
  /** Null: the operator has not set it, and nobody can sign in. */
  client: OAuthClient | null;
  github: { apiUrl: string; serverUrl: string };
  publicUrl: string | null;
  openStripe: PayerDoor;
  log: Logger;
};

type Reply =
  | { kind: "page"; page: Page; setCookie?: string }
  | { kind: "go"; location: string; setCookie: string }
  | { kind: "stylesheet" };

const stylesheet = readFileSync(new URL("setup.css", import.meta.url));
const loginFormat = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;
/** Browsers hold a form's redirects to the targets too. */
const stripePages = ["https://checkout.stripe.com", "https://billing.stripe.com"];

/**
 * The pages of an account's plan. Nobody stays signed in: each click goes to GitHub, which is asked for the role at that moment, and
 * on to a page of Stripe's that was made for it. Neither the token nor that address is kept or logged.
 */
export function createBillingPages(deps: BillingPagesDeps) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const url = URL.parse(request.url ?? "", "http://localhost");
    if (url === null || !isBillingPath(url.pathname)) return false;
    send(deps, response, await answer(deps, request, url));
    return true;
  };
}

export const isBillingPath = (path: string): boolean =>
  path === billingRoot || path.startsWith(`${billingRoot}/`);

const show = (page: Page): Reply => ({ kind: "page", page });

async function answer(deps: BillingPagesDeps, request: IncomingMessage, url: URL): Promise<Reply> {
  const at = readOrigin(request, deps.publicUrl);
  if (at === null) return show(problems.badHost);
  const route = `${request.method ?? ""} ${url.pathname}`;
  if (route === `GET ${billingStylesheet}`) return { kind: "stylesheet" };
  if (route === `GET ${signedInPath}`) return comeBack(deps, { request, url, at });
  const login = url.pathname.slice(billingRoot.length + 1);
  if (!loginFormat.test(login)) return show(problems.noPage);
  if (request.method === "GET") return show(payerPage({ login, cameBack: url.searchParams.has("back") }));
  if (request.method !== "POST") return show(problems.noPage);
  // Every browser names the origin of a form.
  if (request.headers.origin === undefined || !isSameOrigin(request))
    return show(problems.foreignForm(login));
  return leave(deps, { login, at });
}

const redirectUri = ({ publicUrl }: BillingPagesDeps, at: RequestOrigin) =>
  `${publicUrl ?? at.origin}${signedInPath}`;

function leave(deps: BillingPagesDeps, { login, at }: { login: string; at: RequestOrigin }): Reply {
  const { client, github } = deps;
  if (client === null) return show(problems.noClient);
  const secrets = newSignInSecrets();
  return {
    kind: "go",
    location: signInUrl({ client, github }, { secrets, redirectUri: redirectUri(deps, at) }),
    setCookie: writeSignInCookie({ ...secrets, login }, at.secure),
  };
}

type Return = { request: IncomingMessage; url: URL; at: RequestOrigin };

/** GitHub has sent the browser back. The cookie goes with the answer, so that the way is gone once. */
async function comeBack(deps: BillingPagesDeps, { request, url, at }: Return): Promise<Reply> {
  const kept = readSignInCookie(request, at.secure);
  const setCookie = dropSignInCookie(at.secure);
  const state = url.searchParams.get("state");
  if (deps.client === null) return show(problems.noClient);
  if (kept === null || state === null || !isSame(state, kept.state) || !loginFormat.test(kept.login))
    return { kind: "page", page: problems.notBegun, setCookie };
  const { login, verifier } = kept;
  const code = url.searchParams.get("code");
  if (code === null) return { kind: "page", page: problems.declined(login), setCookie };
  try {
    const sent = { code, verifier, redirectUri: redirectUri(deps, at) };
    const verdict = await askForOwner(deps, deps.client, { login, ...sent });
    const { person } = verdict;
    if (!verdict.ok) {
      deps.log.warn({ login, by: person.login }, "somebody who is no owner was not let to a plan");
      return { kind: "page", page: problems.notOwner({ login, person: person.login }), setCookie };
    }
    const location = await deps.openStripe({
      ...{ githubId: verdict.accountId, by: person },
      returnUrl: `${deps.publicUrl ?? at.origin}${billingRoot}/${login}?back`,
    });
    return location === null
      ? { kind: "page", page: problems.notInstalled(login), setCookie }
      : { kind: "go", location, setCookie };
  } catch (error) {
    return { kind: "page", page: explain(deps, { login, error }), setCookie };
  }
}

async function askForOwner(
  { github, log }: BillingPagesDeps,
  client: OAuthClient,
  input: { login: string; code: string; verifier: string; redirectUri: string },
): Promise<OwnerVerdict> {
  const settings = { client, github };
  const token = await finishSignIn(settings, input);
  try {
    return await readOwner({ apiUrl: github.apiUrl, token, login: input.login });
  } finally {
    await endSignIn(settings, token).catch((error: unknown) => {
      log.warn({ err: toError(error) }, "a person's token was not revoked; it expires by itself");
    });
  }
}

function explain({ log }: BillingPagesDeps, { login, error }: { login: string; error: unknown }): Page {
  if (error instanceof UserError)
    return problems.refused({ login, text: `${error.message} ${error.remedy}` });
  if (!(error instanceof TransientError)) throw error;
  log.warn({ err: error, login }, "a plan could not be opened");
  return problems.away({ login, text: error.message });
}

function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function send({ github }: BillingPagesDeps, response: ServerResponse, reply: Reply): void {
  const setCookie = reply.kind === "stylesheet" ? undefined : reply.setCookie;
  const cookie = setCookie === undefined ? {} : { "set-cookie": setCookie };
  switch (reply.kind) {
    case "page":
      sendPage(response, reply.page, {
        formTargets: [new URL(github.serverUrl).origin, ...stripePages],
        stylesheet: billingStylesheet,
        headers: cookie,
      });
      return;
    case "go":
      response.writeHead(303, {
        ...{ location: reply.location, "cache-control": "no-store", "referrer-policy": "no-referrer" },
        ...cookie,
      });
      response.end();
      return;
    case "stylesheet":
      response.writeHead(200, {
        ...{ "content-type": "text/css; charset=utf-8", "x-content-type-options": "nosniff" },
        "cache-control": "public, max-age=3600",
      });
      response.end(stylesheet);
  }
}
