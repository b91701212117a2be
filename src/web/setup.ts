import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { systemClock, type Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import { readAppManifest } from "./app-manifest.ts";
import { acceptForm, beginSetup } from "./begin-setup.ts";
import { finishSetup } from "./finish-setup.ts";
import { readOrigin } from "./request-origin.ts";
import { sendPage, type Page } from "./send-page.ts";
import { createSetupAttempts } from "./setup-attempts.ts";
import type { SetupContext } from "./setup-context.ts";
import { createSetupDoor } from "./setup-door.ts";
import { problemPage } from "./setup-pages.ts";

export type SetupDeps = {
  config: Config;
  log: Logger;
  /** The file that gets the App's credentials, such as ".env". */
  settingsPath: string;
  /** A fixed one for tests; otherwise a new one at each start. */
  token?: string;
  clock?: Clock;
  /** Called once the settings are written and the person has been sent the page that says so. */
  onSaved: () => void;
};

export type Setup = {
  /** Answers /setup and what is under it; false for any other path. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  /** The address with the one-time token, for the terminal and nowhere else. */
  url: string;
  /** The same without scheme and host, for a server that knows better where it listens. */
  path: string;
};

const stylesheetPath = "/setup/style.css";
const stylesheet = readFileSync(new URL("setup.css", import.meta.url));

/**
 * The pages that make a GitHub App by GitHub's manifest flow and save its credentials; only for a server that has no
 * App. Whoever opens the address with the token is let in, once, and stays in by a cookie.
 */
export function createSetup(deps: SetupDeps): Setup {
  const {
    config,
    log,
    settingsPath,
    token = randomBytes(32).toString("base64url"),
    clock = systemClock,
  } = deps;
  if (config.app !== null) throw new Error("/setup must not be open on a server that has a GitHub App");
  const context: SetupContext = {
    config,
    log,
    settingsPath,
    door: createSetupDoor(token),
    attempts: createSetupAttempts(clock),
    described: readAppManifest(),
    done: null,
  };
  const path = `/setup?token=${encodeURIComponent(token)}`;
  return {
    path,
    url: `${config.server.publicUrl ?? `http://localhost:${config.server.port}`}${path}`,
    async handle(request, response) {
      const url = URL.parse(request.url ?? "", "http://localhost");
      if (url === null || !(url.pathname === "/setup" || url.pathname.startsWith("/setup/"))) return false;
      const reply = await answer(context, request, url);
      if (reply.kind === "page" && reply.saved === true) response.once("close", deps.onSaved);
      sendReply(config, response, reply);
      return true;
    },
  };
}

type Reply =
  | { kind: "page"; page: Page; saved?: boolean }
  | { kind: "entry"; setCookie?: string }
  | { kind: "stylesheet" };

const show = (page: Page): Reply => ({ kind: "page", page });

async function answer(context: SetupContext, request: IncomingMessage, url: URL): Promise<Reply> {
  const at = readOrigin(request, context.config.server.publicUrl);
  if (at === null) return show(problems.badHost);
  const route = `${request.method ?? ""} ${url.pathname}`;
  if (route === `GET ${stylesheetPath}`) return { kind: "stylesheet" };
  const token = url.searchParams.get("token");
  const inside = context.door.isInside(request, at.secure);
  if (route === "GET /setup" && token !== null) {
    return inside ? { kind: "entry" } : enter(context, { token, secure: at.secure });
  }
  if (!inside) return show(problems.outside);
  if (context.done !== null) return show(context.done);
  switch (route) {
    case "GET /setup":
      return show(beginSetup(context, at));
    case "POST /setup":
      return show(await acceptForm(context, request, at));
    case "GET /setup/done": {
      const ended = await finishSetup(context, {
        code: url.searchParams.get("code") ?? "",
        state: url.searchParams.get("state") ?? "",
      });
      return { kind: "page", ...ended };
    }
    default:
      return show(problems.noPage);
  }
}

function enter(context: SetupContext, input: { token: string; secure: boolean }): Reply {
  const entered = context.door.enter(input.token, input.secure);
  if (entered.ok) return { kind: "entry", setCookie: entered.setCookie };
  context.log.warn({ reason: entered.reason }, "somebody was not let into /setup");
  return show(entered.reason === "used" ? problems.used : problems.outside);
}

const problems = {
  badHost: problemPage({
    status: 400,
    title: "Bad request",
    text: "Expected a Host header with a host name.",
  }),
  outside: problemPage({
    status: 403,
    title: "This page is for whoever runs the server",
    text: "Open the address that the server printed on its terminal when it started. It holds a token that lets you in.",
  }),
  used: problemPage({
    status: 403,
    title: "This address has been used",
    text: "It lets one browser in, once. Go on in the browser in which it was opened first, or start the server again to get a new one.",
  }),
  noPage: problemPage({
    status: 404,
    title: "No such page",
    text: "There is nothing here.",
    link: { href: "/setup", text: "Begin again" },
  }),
};

function sendReply(config: Config, response: ServerResponse, reply: Reply): void {
  switch (reply.kind) {
    case "page":
      sendPage(response, reply.page, {
        formTargets: [new URL(config.github.serverUrl).origin],
        stylesheet: stylesheetPath,
      });
      return;
    case "entry":
      // Takes the token out of the address bar and the history.
      response.writeHead(303, {
        location: "/setup",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        ...(reply.setCookie === undefined ? {} : { "set-cookie": reply.setCookie }),
      });
      response.end();
      return;
    case "stylesheet":
      response.writeHead(200, {
        "content-type": "text/css; charset=utf-8",
        "x-content-type-options": "nosniff",
        // The last page is still shown when the server is already on its way out.
        "cache-control": "public, max-age=3600",
      });
      response.end(stylesheet);
  }
}
