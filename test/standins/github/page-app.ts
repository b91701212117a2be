import type { IncomingMessage, ServerResponse } from "node:http";
import { escapeHtml } from "./escape-html.ts";
import { addInstallation } from "./installations.ts";
import { readBody } from "./read-body.ts";
import type { App } from "./state.ts";
import { accountById, accountByLogin } from "./world.ts";
import type { World } from "./world.ts";

type Exchange = {
  world: World;
  incoming: IncomingMessage;
  response: ServerResponse;
  app: App;
  isInstall: boolean;
};

/** An App's public page, and the page that installs it: a form POST with `account` installs it on all its repositories. */
export async function serveAppPage({ world, incoming, response, app, isInstall }: Exchange): Promise<void> {
  if (!isInstall || incoming.method !== "POST") {
    const accounts = [...world.accounts.values()].filter(({ type }) => type !== "Bot");
    const options = accounts.map(({ login }) => `<option>${escapeHtml(login)}</option>`).join("");
    const form = `<form method="post" action="/apps/${app.slug}/installations/new"><select name="account">${options}</select>
<button>Install on all repositories</button></form>`;
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><meta charset="utf-8"><h1>${escapeHtml(app.name)}</h1>${form}\n`);
    return;
  }
  const form = new URLSearchParams((await readBody(incoming)).toString());
  const account = accountByLogin(world, form.get("account") ?? accountById(world, app.ownerId).login);
  if (account === undefined) {
    response
      .writeHead(422, { "content-type": "text/plain; charset=utf-8" })
      .end("There is no such account.\n");
    return;
  }
  const owner = [...account.members].find(([, standing]) => standing === "owner");
  const by = owner === undefined ? account : accountById(world, owner[0]);
  const installation = addInstallation(world, { app, account, repositories: "all", by });
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${app.name} is installed on ${account.login} (installation ${installation.id}).\n`);
}
