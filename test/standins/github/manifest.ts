import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { addAccount, addApp, slugOf } from "./apps.ts";
import { isObject, text, texts } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { readBody } from "./read-body.ts";
import { registrationProblems } from "./subscriptions.ts";
import type { Account, Level, Permissions } from "./state.ts";
import { accountByLogin } from "./world.ts";
import type { World } from "./world.ts";

// GitHub keeps the code for an hour.
const codeLifetimeMs = 60 * 60 * 1000;
const members = new Set(
  `name url hook_attributes redirect_url callback_urls setup_url description public default_events default_permissions
   request_oauth_on_install setup_on_update`.split(/\s+/),
);

type Exchange = {
  world: World;
  incoming: IncomingMessage;
  response: ServerResponse;
  url: URL;
  organization: string | undefined;
};

/** The page that takes an App manifest by form POST and sends the browser back with a code, as github.com does after "Create". */
export async function serveManifest({
  world,
  incoming,
  response,
  url,
  organization,
}: Exchange): Promise<void> {
  if (incoming.method !== "POST") {
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    response.end("POST a form with the field manifest here.\n");
    return;
  }
  const form = new URLSearchParams((await readBody(incoming)).toString());
  const manifest = parse(form.get("manifest"));
  const owner = organization === undefined ? firstPerson(world) : accountByLogin(world, organization);
  const problems =
    owner === undefined ? [`no organisation ${organization ?? ""}`] : problemsOf(world, manifest);
  if (owner === undefined || problems.length > 0) {
    world.violations.push(...problems.map((problem) => `invalid App manifest: ${problem}`));
    response.writeHead(422, { "content-type": "text/plain; charset=utf-8" });
    response.end(`Invalid GitHub App configuration\n${problems.join("\n")}\n`);
    return;
  }
  const code = await create(world, { manifest, owner });
  const back = new URL(text(manifest["redirect_url"]) ?? "");
  back.searchParams.set("code", code);
  const state = url.searchParams.get("state");
  if (state !== null) back.searchParams.set("state", state);
  response.writeHead(302, { location: back.href }).end();
}

function parse(field: string | null): JsonObject {
  try {
    const value: unknown = JSON.parse(field ?? "");
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function firstPerson(world: World): Account {
  const person = [...world.accounts.values()].find(({ type }) => type === "User");
  return person ?? addAccount(world, { login: "octocat", type: "User" });
}

function problemsOf(world: World, manifest: JsonObject): string[] {
  const problems = Object.keys(manifest)
    .filter((name) => !members.has(name))
    .map((name) => `${name} is no field of a manifest`);
  const name = text(manifest["name"]) ?? "";
  if (name === "" || name.length > 34) problems.push("name: expected 1 to 34 characters");
  if ([...world.apps.values()].some(({ slug }) => slug === slugOf(name)))
    problems.push("name is already taken");
  for (const field of ["url", "redirect_url"]) {
    if (!URL.canParse(text(manifest[field]) ?? "")) problems.push(`${field}: expected a URL`);
  }
  for (const url of texts(manifest["callback_urls"]))
    if (!URL.canParse(url)) problems.push("callback_urls: expected URLs");
  const hook = isObject(manifest["hook_attributes"]) ? manifest["hook_attributes"] : {};
  if (hook["active"] !== false && !URL.canParse(text(hook["url"]) ?? "")) {
    problems.push("hook_attributes.url: expected a URL");
  }
  const permissions = isObject(manifest["default_permissions"]) ? manifest["default_permissions"] : {};
  problems.push(
    ...registrationProblems(world.contract, { permissions, events: texts(manifest["default_events"]) }),
  );
  return problems;
}

async function create(world: World, input: { manifest: JsonObject; owner: Account }): Promise<string> {
  const { manifest, owner } = input;
  const hook = isObject(manifest["hook_attributes"]) ? manifest["hook_attributes"] : {};
  const permissions: Permissions = { metadata: "read" };
  const wanted = isObject(manifest["default_permissions"]) ? manifest["default_permissions"] : {};
  for (const [name, level] of Object.entries(wanted)) permissions[name] = level as Level;
  const app = await addApp(world, {
    name: text(manifest["name"]) ?? "",
    owner,
    description: text(manifest["description"]) ?? "",
    externalUrl: text(manifest["url"]) ?? "",
    permissions,
    events: texts(manifest["default_events"]),
    callbackUrls: texts(manifest["callback_urls"]),
    webhookUrl: hook["active"] === false ? undefined : text(hook["url"]),
  });
  const code = randomBytes(20).toString("hex");
  const expiresAt = world.now().getTime() + codeLifetimeMs;
  world.manifests.set(code, { appId: app.id, webhookSecret: app.hook.secret, expiresAt });
  return code;
}
