import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Check } from "../../src/cli/doctor/check.ts";
import { readAppManifest } from "../../src/web/app-manifest.ts";
import { startGitHub, type GitHubStandin } from "../standins/github/github.ts";
import { startS3 } from "../standins/s3/start-s3.ts";
import { startModel, type ModelStandin } from "../standins/model/start-model.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import packageJson from "../../package.json" with { type: "json" };
import { runCommand } from "./run-command.ts";

const { manifest } = readAppManifest();
const webhookUrl = "https://claude.acme.example/api/github/webhooks";

let github: GitHubStandin;
let model: ModelStandin;
let database: TestDatabase;
let dataDir: string;
let names = 0;
const servers: Server[] = [];

beforeAll(async () => {
  [github, model, database, dataDir] = await Promise.all([
    startGitHub(),
    startModel(),
    createTestDatabase(),
    mkdtemp(join(tmpdir(), "rc-doctor-")),
  ]);
  await writeClaude(`echo "${packageJson.devDependencies["@anthropic-ai/claude-code"]} (Claude Code)"`);
  github.createOrganization("acme");
  github.createUser("alice");
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(async () => {
  await Promise.all([github.close(), model.close(), database.close(), rm(dataDir, { recursive: true })]);
  expect(github.violations).toEqual([]);
  expect(model.violations).toEqual([]);
});

const without = (name: string) =>
  Object.fromEntries(Object.entries(manifest.default_permissions).filter(([other]) => other !== name));

type AppChange = Partial<Parameters<GitHubStandin["createApp"]>[0]>;

async function makeApp(change: AppChange = {}) {
  return github.createApp({
    name: `Claude ${String(++names)}`,
    owner: "acme",
    permissions: manifest.default_permissions,
    events: manifest.default_events,
    webhookUrl,
    ...change,
  });
}

type App = Awaited<ReturnType<typeof makeApp>>;

function environment(app: App | null, change: Record<string, string> = {}): Record<string, string> {
  const credentials =
    app === null
      ? {}
      : { APP_ID: String(app.id), PRIVATE_KEY: app.privateKey, WEBHOOK_SECRET: app.webhookSecret };
  return {
    ...credentials,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_SERVER_URL: github.url,
    PUBLIC_URL: "https://claude.acme.example",
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    ANTHROPIC_API_KEY: "sk-ant-standin",
    ANTHROPIC_BASE_URL: model.url,
    // What isolation this machine offers is a matter of its own test.
    SANDBOX_LOCAL_ISOLATION: "none",
    // Quicker than the real one, which the first test asks.
    CLAUDE_BIN: join(dataDir, "claude"),
    ...change,
  };
}

async function diagnose(env: Record<string, string>) {
  const { out, exitCode } = await runCommand(["doctor", "--json"], { env });
  const { ok, checks } = JSON.parse(out) as { ok: boolean; checks: Check[] };
  expect(ok).toBe(exitCode === 0);
  const byId = new Map(checks.map((check) => [check.id, check]));
  const find = (id: string): Check => {
    const check = byId.get(id);
    if (check === undefined) throw new Error(`expected a check ${id}, got ${[...byId.keys()].join(", ")}`);
    return check;
  };
  return { ok, exitCode, checks, find };
}

describe("a server in order", () => {
  let app: App;
  beforeAll(async () => {
    app = await makeApp();
    github.install({ app, owner: "acme", repositories: "all" });
    github.install({ app, owner: "alice", repositories: [] });
  });

  test("passes every check, and every check is there", async () => {
    const { checks, exitCode } = await diagnose(environment(app, { CLAUDE_BIN: "" }));
    const wrong = checks.filter(({ id, status }) => status !== "ok" && id !== "sandbox" && id !== "data-dir");
    expect(wrong).toEqual([]);
    expect(exitCode).toBe(0);
    expect(checks.map(({ id }) => id)).toEqual([
      "config",
      "node",
      "git",
      "data-dir",
      "database",
      "queue",
      "audit",
      "checkpoints",
      "claude",
      "sandbox",
      "model",
      "github-app",
      "github-permissions",
      "github-installations",
      "webhook-url",
    ]);
  });

  test("reads well", async () => {
    const { out } = await runCommand(["doctor"], { env: environment(app) });
    expect(out).toMatch(/^ok {4}Configuration {2}every variable is sound$/m);
    expect(out).toMatch(
      /^ok {4}Installations {2}acme \(all repositories\), alice \(selected repositories\)$/m,
    );
    expect(out).toMatch(/^warn {2}Sandbox {8}agents run without isolation.*\n {21}→ Install bubblewrap/m);
    expect(out).toMatch(/\n\nIt works; \d+ warnings?\.\n$/);
  });

  test("spends no tokens", async () => {
    const before = model.requests.length;
    await diagnose(environment(app));
    expect(model.requests.slice(before).map(({ method, url }) => `${method} ${url}`)).toEqual([
      "POST /v1/messages/count_tokens",
    ]);
  });

  test("takes webhooks through a proxy", async () => {
    github.setWebhook(app, { url: "https://smee.io/abc" });
    const env = environment(app, { WEBHOOK_PROXY_URL: "https://smee.io/abc" });
    expect((await diagnose(env)).find("webhook-url")).toMatchObject({
      status: "ok",
      detail: "https://smee.io/abc",
    });
    github.setWebhook(app, { url: webhookUrl });
  });
});

describe("the App", () => {
  test("is not there yet", async () => {
    const { find } = await diagnose(environment(null));
    expect(find("github-app")).toMatchObject({
      status: "warn",
      remedy: expect.stringContaining("/setup") as string,
    });
    expect(find("github-permissions")).toMatchObject({ status: "skipped", remedy: null });
    expect(find("webhook-url")).toMatchObject({ status: "skipped" });
  });

  test("does not accept the key of another", async () => {
    const [app, other] = [await makeApp(), await makeApp()];
    const { find, exitCode } = await diagnose(environment({ ...app, privateKey: other.privateKey }));
    expect(exitCode).toBe(1);
    expect(find("github-app")).toMatchObject({
      status: "fail",
      remedy: expect.stringContaining("PRIVATE_KEY") as string,
    });
    expect(find("github-installations").status).toBe("skipped");
  });

  test("has a key that is none", async () => {
    const key = "-----BEGIN RSA PRIVATE KEY-----\nnonsense\n-----END RSA PRIVATE KEY-----";
    const { find } = await diagnose(environment({ ...(await makeApp()), privateKey: key }));
    expect(find("github-app")).toMatchObject({
      status: "fail",
      remedy: expect.stringContaining("Make a new private key") as string,
    });
  });

  test("cannot be asked for, because GitHub is not reached", async () => {
    const { find } = await diagnose(environment(await makeApp(), { GITHUB_API_URL: "http://127.0.0.1:1" }));
    expect(find("github-app")).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("Expected GitHub at http://127.0.0.1:1") as string,
    });
  });

  test("lacks what nothing uses yet: a warning that names it", async () => {
    const permissions = without("members");
    const app = await makeApp({
      permissions,
      events: manifest.default_events.filter((name) => name !== "check_run"),
    });
    const check = (await diagnose(environment(app))).find("github-permissions");
    expect(check).toMatchObject({ status: "warn" });
    expect(check.detail).toBe(
      "the App lacks the permissions members: read; does not get the events check_run",
    );
    expect(check.remedy).toContain(`${github.url}/organizations/acme/settings/apps/${app.slug}/permissions`);
  });

  test.each([
    [
      "a permission",
      { permissions: { ...manifest.default_permissions, contents: "read" } },
      "contents: write",
    ],
    [
      "an event",
      { events: manifest.default_events.filter((name) => name !== "issue_comment") },
      "issue_comment",
    ],
  ] as [string, AppChange, string][])("lacks %s that it cannot work without", async (_, change, named) => {
    const check = (await diagnose(environment(await makeApp(change)))).find("github-permissions");
    expect(check).toMatchObject({ status: "fail", detail: expect.stringContaining(named) as string });
  });

  test("has more than it needs", async () => {
    const app = await makeApp({ permissions: { ...manifest.default_permissions, workflows: "write" } });
    expect((await diagnose(environment(app))).find("github-permissions")).toMatchObject({
      status: "warn",
      detail: "the App has permissions that nothing needs: workflows: write",
    });
  });
});

describe("the installations", () => {
  test("are none", async () => {
    const app = await makeApp();
    expect((await diagnose(environment(app))).find("github-installations")).toMatchObject({
      status: "warn",
      remedy: expect.stringContaining(`/apps/${app.slug}/installations/new`) as string,
    });
  });

  test("are suspended", async () => {
    const app = await makeApp();
    github.suspend(github.install({ app, owner: "acme", repositories: "all" }));
    expect((await diagnose(environment(app))).find("github-installations")).toMatchObject({
      status: "warn",
      detail: "acme (all repositories, suspended)",
      remedy: expect.stringContaining("acme has suspended it") as string,
    });
  });

  test("have yet to accept a permission", async () => {
    const permissions = without("actions");
    const app = await makeApp({ permissions });
    github.install({ app, owner: "acme", repositories: "all" });
    expect((await diagnose(environment(app))).find("github-installations")).toMatchObject({
      status: "warn",
      remedy: expect.stringMatching(/^To be accepted: acme actions: read at http/) as string,
    });
  });
});

describe("an installation on a person's account", () => {
  test("is not asked for members, which it has none of", async () => {
    const app = await makeApp({ permissions: without("members") });
    github.install({ app, owner: "alice", repositories: "all" });
    expect((await diagnose(environment(app))).find("github-installations")).toMatchObject({ status: "ok" });
  });
});

describe("the webhook", () => {
  test.each([
    [
      "goes elsewhere",
      "https://old.example/api/github/webhooks",
      {},
      "fail",
      `Set the webhook URL to ${webhookUrl}`,
    ],
    ["goes to the path of another program", "https://claude.acme.example/", {}, "fail", webhookUrl],
    [
      "goes to an address that nobody has confirmed",
      webhookUrl,
      { PUBLIC_URL: "" },
      "warn",
      "Set PUBLIC_URL",
    ],
  ] as const)("%s", async (_, url, change, status, remedy) => {
    const app = await makeApp({ webhookUrl: url });
    expect((await diagnose(environment(app, change))).find("webhook-url")).toMatchObject({
      status,
      remedy: expect.stringContaining(remedy) as string,
    });
  });

  test("is switched off", async () => {
    const app = await github.createApp({
      name: `Claude ${String(++names)}`,
      owner: "acme",
      permissions: manifest.default_permissions,
      events: manifest.default_events,
    });
    expect((await diagnose(environment(app))).find("webhook-url")).toMatchObject({
      status: "fail",
      detail: "the App has no webhook",
    });
  });
});

describe("the model", () => {
  const look = async (change: Record<string, string>) =>
    (await diagnose(environment(null, change))).find("model");

  test("has no credential", async () => {
    expect(await look({ ANTHROPIC_API_KEY: "" })).toMatchObject({ status: "fail" });
  });

  test("refuses the credential", async () => {
    expect(await look({ ANTHROPIC_API_KEY: "sk-ant-wrong" })).toMatchObject({
      status: "fail",
      detail: expect.stringMatching(/answered 401 \(invalid x-api-key\)/) as string,
    });
  });

  test("takes a subscription's token as one", async () => {
    const seen = await serve(200, { input_tokens: 8 });
    const check = await look({
      ANTHROPIC_API_KEY: "",
      CLAUDE_CODE_OAUTH_TOKEN: "oat",
      ANTHROPIC_BASE_URL: seen.url,
    });
    expect(check.status).toBe("ok");
    expect(seen.headers[0]).toMatchObject({
      authorization: "Bearer oat",
      "anthropic-beta": "oauth-2025-04-20",
    });
  });

  test("is not reached", async () => {
    const { url } = await serve(200, {});
    for (const server of servers.splice(0)) await promisify(server.close.bind(server))();
    expect(await look({ ANTHROPIC_BASE_URL: url })).toMatchObject({
      status: "fail",
      detail: expect.stringMatching(/ was not reached: .*ECONNREFUSED/) as string,
    });
  });

  test.each([
    [404, { error: { type: "not_found_error", message: "model: claude-x" } }, "warn", "CLAUDE_MODEL"],
    [529, { error: { type: "overloaded_error", message: "Overloaded" } }, "warn", "Try again later"],
    [403, "<html>", "fail", "ANTHROPIC_API_KEY"],
  ])("answers %i", async (status, body, wanted, remedy) => {
    const { url } = await serve(status, body);
    expect(await look({ ANTHROPIC_BASE_URL: url })).toMatchObject({
      status: wanted,
      remedy: expect.stringContaining(remedy) as string,
    });
  });
});

describe("the storage", () => {
  test("is not there", async () => {
    const { find } = await diagnose(environment(null, { DATABASE_URL: "postgres://a:b@127.0.0.1:1/x" }));
    expect(find("database")).toMatchObject({
      status: "fail",
      remedy: expect.stringContaining("Start it") as string,
    });
    expect(find("queue").status).toBe("skipped");
  });

  test("has not been prepared", async () => {
    const empty = await createTestDatabase({ empty: true });
    const { find } = await diagnose(environment(null, { DATABASE_URL: empty.url }));
    await empty.close();
    expect(find("database")).toMatchObject({
      status: "fail",
      remedy: expect.stringContaining("migrate up") as string,
    });
  });

  test("holds jobs that nobody fetches", async () => {
    const other = await createTestDatabase();
    await other.database.system.execute(
      sql`update pgboss.queue set ready_count = 3, queued_count = 3, ready_oldest_seconds = 900 where name = 'intake'`,
    );
    const { find } = await diagnose(environment(null, { DATABASE_URL: other.url }));
    await other.close();
    expect(find("queue")).toMatchObject({
      status: "warn",
      detail: expect.stringContaining("intake has waited 900 s") as string,
    });
  });
});

describe("Claude Code", () => {
  test("is not where CLAUDE_BIN says", async () => {
    const { find } = await diagnose(environment(null, { CLAUDE_BIN: "/nonexistent/claude" }));
    expect(find("claude")).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("CLAUDE_BIN") as string,
    });
  });

  test.each([
    ["another version than the tested one", "echo '1.0.0 (Claude Code)'", "warn", "1.0.0 at"],
    ["no program of that kind", "echo hello", "fail", "said nothing that looks like"],
    ["broken", "echo it broke >&2; exit 3", "fail", "it broke"],
  ])("is %s", async (_, line, status, detail) => {
    const path = await writeClaude(line, "another-claude");
    const { find } = await diagnose(environment(null, { CLAUDE_BIN: path }));
    expect(find("claude")).toMatchObject({ status, detail: expect.stringContaining(detail) as string });
  });
});

describe("the rest", () => {
  test("cannot be looked at while the configuration is wrong, and all of it is named", async () => {
    const { checks, find } = await diagnose({ PORT: "x", WEBHOOK_SECRET: "short" });
    expect(checks.map(({ id }) => id)).toEqual(["config", "node", "git"]);
    expect(find("config").detail).toMatch(/WEBHOOK_SECRET[\s\S]*PORT[\s\S]*APP_ID/);
  });

  test("is a sandbox that isolates", async (context) => {
    await needBwrap(context);
    const { find } = await diagnose(environment(null, { SANDBOX_LOCAL_ISOLATION: "bwrap" }));
    expect(find("sandbox")).toMatchObject({
      detail: expect.stringContaining("own user, pid and network namespaces") as string,
    });
    expect(["ok", "warn"]).toContain(find("sandbox").status);
  });
});

/** A program in place of Claude Code, in DATA_DIR. */
async function writeClaude(line: string, name = "claude"): Promise<string> {
  const path = join(dataDir, name);
  await writeFile(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return path;
}

/** A model's endpoint that always answers the same. */
async function serve(status: number, body: unknown): Promise<{ url: string; headers: object[] }> {
  const headers: object[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    request.resume().on("end", () => response.writeHead(status).end(JSON.stringify(body)));
  });
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, headers };
}

describe("the storage for checkpoints", () => {
  const inBucket = (s3: Awaited<ReturnType<typeof startS3>>, change: Record<string, string> = {}) =>
    environment(null, {
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
      ...{ CHECKPOINT_S3_URL: s3.url, CHECKPOINT_S3_REGION: s3.region },
      CHECKPOINT_S3_ACCESS_KEY_ID: s3.accessKeyId,
      CHECKPOINT_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      ...change,
    });

  test("is written, read and left as it was: a bucket and a folder", async () => {
    const s3 = await startS3();
    onTestFinished(() => s3.close());
    const bucket = await diagnose(inBucket(s3));
    expect(bucket.find("checkpoints")).toMatchObject({
      status: "ok",
      detail: `${new URL(s3.url).host}/checkpoints keeps and gives back`,
    });
    expect(s3.requests.some(({ method }) => method === "PUT")).toBe(true);
    expect(s3.objects().size).toBe(0);
    expect(s3.violations).toEqual([]);
    const folder = await mkdtemp(join(tmpdir(), "rc-doctor-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const before = await diagnose(environment(null, { DATA_DIR: folder }));
    expect(before.find("checkpoints")).toMatchObject({ status: "ok" });
    expect(await readdir(folder)).toEqual([]);
    await mkdir(join(folder, "checkpoints"));
    const after = await diagnose(environment(null, { DATA_DIR: folder }));
    expect(after.find("checkpoints")).toMatchObject({
      status: "ok",
      detail: `${join(folder, "checkpoints")} keeps and gives back`,
    });
  });

  test("does not accept the key: which variables to mend", async () => {
    const s3 = await startS3();
    onTestFinished(() => s3.close());
    const { find } = await diagnose(inBucket(s3, { CHECKPOINT_S3_SECRET_ACCESS_KEY: "another".repeat(6) }));
    expect(find("checkpoints")).toMatchObject({
      status: "fail",
      remedy: expect.stringContaining("CHECKPOINT_S3_SECRET_ACCESS_KEY") as string,
    });
  });
});

describe("sandboxes elsewhere", () => {
  test("are checked one by one, and Claude Code is not looked for here", async () => {
    const { find, checks } = await diagnose(
      environment(null, {
        SANDBOX_PROVIDER: "daytona",
        DAYTONA_API_KEY: "dtn_standin",
        // Nothing listens there.
        DAYTONA_API_URL: "http://127.0.0.1:1/api",
      }),
    );
    expect(find("sandbox-daytona")).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("aytona") as string,
      remedy: expect.any(String) as string,
    });
    expect(find("claude")).toMatchObject({ status: "skipped" });
    expect(checks.map(({ id }) => id)).not.toContain("sandbox");
  });
});
