import { generateKeyPair, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { Account, App, Permissions } from "./state.ts";
import { accountByLogin, stamp } from "./world.ts";
import { registrationProblems } from "./subscriptions.ts";
import type { World } from "./world.ts";

/** What an App is made from, by a test or by a manifest. */
export type AppInput = {
  name: string;
  owner: Account;
  description?: string;
  externalUrl?: string;
  permissions: Permissions;
  events: readonly string[];
  webhookUrl?: string | undefined;
  webhookSecret?: string | undefined;
  callbackUrls?: readonly string[];
};

const makeKeys = promisify(generateKeyPair);

/** Registers a GitHub App with a key pair, a webhook and a bot account of its own. */
export async function addApp(world: World, input: AppInput): Promise<App> {
  const slug = slugOf(input.name);
  if ([...world.apps.values()].some((app) => app.slug === slug))
    throw new Error(`Name ${input.name} is already taken.`);
  const problems = registrationProblems(world.contract, input);
  if (problems.length > 0) throw new Error(`GitHub would refuse this App: ${problems.join("; ")}.`);
  const keys = await makeKeys("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const bot = addAccount(world, { login: `${slug}[bot]`, type: "Bot" });
  const app: App = {
    id: world.nextId("app"),
    slug,
    name: input.name,
    description: input.description ?? "",
    externalUrl: input.externalUrl ?? `${world.url}/apps/${slug}`,
    ownerId: input.owner.id,
    botUserId: bot.id,
    clientId: `Iv23li${randomBytes(7).toString("hex")}`,
    clientSecret: randomBytes(20).toString("hex"),
    callbackUrls: [...(input.callbackUrls ?? [])],
    publicKey: keys.publicKey,
    privateKey: keys.privateKey,
    permissions: { ...input.permissions },
    events: [...input.events],
    hook: {
      id: world.nextId("hook"),
      url: input.webhookUrl,
      secret: input.webhookSecret ?? randomBytes(20).toString("hex"),
      contentType: "json",
      insecureSsl: "0",
    },
    createdAt: stamp(world),
  };
  world.apps.set(app.id, app);
  return app;
}

/** GitHub's URL name for an App. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
}

/** A new account; its name must be free. */
export function addAccount(world: World, input: { login: string; type: Account["type"] }): Account {
  if (accountByLogin(world, input.login)) throw new Error(`The login ${input.login} is already taken.`);
  const account: Account = {
    id: world.nextId("account"),
    login: input.login,
    type: input.type,
    name: null,
    createdAt: stamp(world),
    members: new Map(),
    invited: new Set(),
  };
  world.accounts.set(account.id, account);
  return account;
}
