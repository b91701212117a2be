import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { installation as installationTable, repository as repositoryTable } from "../../db/schema.ts";
import { readConfig } from "../../src/config.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import type { Claim } from "../../src/tasks/claim-store.ts";
import { readEffectiveSettings, type EffectiveDeps } from "../../src/tasks/effective-settings.ts";
import { readSettingsInForce } from "../../src/tasks/settings-in-force.ts";
import { removeRepositories, upsertAccount } from "../../src/tasks/tenant-store.ts";
import { readAppManifest } from "../../src/web/app-manifest.ts";
import { silent } from "../queue/start-worker.ts";
import { startGitHub, type GitHubStandin } from "../standins/github/github.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { gitRepository } from "../support/git-repository.ts";

const path = ".github/remote-claude.yml";
const minuteMs = 60_000;

let github: GitHubStandin;
let home: TestDatabase;
let dataDir: string;
let config: EffectiveDeps["config"];
let app: Awaited<ReturnType<GitHubStandin["createApp"]>>;
let serial = 0;
/** How far GitHub's clock is ahead: commits of one second have no order. */
let aheadMs = 0;

beforeAll(async () => {
  home = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "rc-settings-"));
  github = await startGitHub({ now: () => new Date(Date.now() + aheadMs) });
  github.createOrganization("acme");
  const { manifest } = readAppManifest();
  app = await github.createApp({
    name: "Remote Claude",
    owner: "acme",
    permissions: manifest.default_permissions,
    events: manifest.default_events,
    // Nobody listens there.
    webhookUrl: "http://127.0.0.1:9/",
  });
  const read = readConfig({
    APP_ID: String(app.id),
    PRIVATE_KEY: app.privateKey,
    WEBHOOK_SECRET: app.webhookSecret,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_SERVER_URL: github.url,
    DATA_DIR: dataDir,
  });
  if (read.app === null) throw new Error("the configuration has an App");
  config = { ...read, app: read.app };
});

afterAll(async () => {
  await home.close();
  await github.drained();
  await github.close();
  await rm(dataDir, { recursive: true });
  expect(github.violations).toEqual([]);
});

beforeEach(() => github.faults.clear());

/** An organisation of its own with widgets, and `.github` where wanted; a worker whose clock stands. */
async function stage(input: { own?: string; owner?: string | null; covered?: boolean }) {
  const login = `org${++serial}`;
  github.createOrganization(login);
  const made: { id: number; name: string }[] = [];
  const make = async (name: string, files: Record<string, string>) => {
    const { id } = await github.createRepository({ owner: login, name, files });
    made.push({ id, name });
    return id;
  };
  const own = input.own === undefined ? {} : { [path]: input.own };
  const id = await make("widgets", { "README.md": "x", ...own });
  if (input.owner !== undefined)
    await make(".github", { "README.md": "x", ...(input.owner === null ? {} : { [path]: input.owner }) });
  const covered = input.covered === false ? [`${login}/widgets`] : "all";
  const installed = github.install({ app, owner: login, repositories: covered });
  const { system, db } = home.database;
  const accountId = await upsertAccount(system, {
    ...{ githubId: 1_000_000 + serial, login, kind: "Organization", maxParallelTasks: 3 },
  });
  await system
    .insert(installationTable)
    .values({ id: installed.id, accountId, repositorySelection: "all", permissions: {} });
  const rows = input.covered === false ? made.slice(0, 1) : made;
  await system
    .insert(repositoryTable)
    .values(
      rows.map((row) => ({ ...row, accountId, installationId: installed.id, owner: login, private: true })),
    );
  const local = await gitRepository({ "README.md": "x", ...own });
  let nowMs = Date.parse("2026-01-01T00:00:00Z");
  const deps: EffectiveDeps = {
    ...{ config, db, log: silent, github: createGitHub({ config, log: silent }) },
    clock: { now: () => new Date(nowMs) },
  };
  const place = {
    accountId,
    installationId: installed.id,
    repository: { id, owner: login, name: "widgets" },
  };
  return {
    login,
    deps,
    local,
    place,
    pass: (ms: number) => (nowMs += ms),
    read: (sha = local.git("rev-parse", "HEAD")) =>
      readEffectiveSettings(deps, { ...place, sha, from: { mirrorPath: local.path } }),
    commitOwners: (text: string | null) =>
      github.commit(`${login}/.github`, { branch: "main", files: { [path]: text } }),
    /** Requests that went to the owner's repository. */
    asked: () =>
      github.requests.filter((request) => JSON.stringify(request).includes(`/${login}/.github/`)).length,
  };
}

test("the repository's file lies over its owner's, and that one over the server", async () => {
  const { read, login, commitOwners } = await stage({ own: "model: own\n", owner: null });
  const sha = await commitOwners("# of all\nmodel: owners\nlimits: { turns: 7 }\n");
  const { settings, entries, problems, state } = await read();
  expect(settings).toMatchObject({ model: "own", limits: { maxTurns: 7, budgetMicroUsd: 5_000_000 } });
  expect({ problems, state }).toEqual({ problems: [], state: "valid" });
  const turns = entries.find(({ key }) => key === "limits.turns");
  expect(turns?.source).toEqual({
    kind: "file",
    repository: { owner: login, name: ".github" },
    sha,
    line: 3,
  });
});

test.each([
  ["without a .github repository", {}],
  ["with one that has no file", { owner: null }],
  ["with one that the installation does not cover", { owner: "model: owners\n", covered: false }],
])("%s the server decides, and nobody is told", async (_what, input) => {
  const { read } = await stage(input);
  expect(await read()).toMatchObject({
    settings: { model: config.model.name },
    problems: [],
    state: "absent",
  });
});

test("the owner's file is asked for once a minute, and read anew only after it changed", async () => {
  const at = await stage({ owner: "model: first\n" });
  const both = await Promise.all([at.read(), at.read()]);
  expect(both.map(({ settings }) => settings.model)).toEqual(["first", "first"]);
  const once = at.asked();
  await at.commitOwners("model: second\n");
  at.pass(minuteMs - 1);
  expect((await at.read()).settings.model).toBe("first");
  expect(at.asked()).toBe(once);
  at.pass(1);
  expect((await at.read()).settings.model).toBe("second");
  const twice = at.asked();
  at.pass(minuteMs);
  expect((await at.read()).settings.model).toBe("second");
  expect(at.asked() - twice).toBe(1);
});

test("an owner's file that cannot be read ends nothing; the thread hears of it, and of nothing when it is back", async () => {
  const at = await stage({ own: "limits: { turns: 9 }\n", owner: "model: owners\n" });
  const broken = () =>
    github.faults.add({ path: new RegExp(`/${at.login}/\\.github/`), when: "before", status: 502, times: 1 });
  broken();
  const first = await at.read();
  expect(first.settings).toMatchObject({ model: config.model.name, limits: { maxTurns: 9 } });
  const place = `${at.login}/.github`;
  expect(first.problems).toEqual([
    { line: null, message: `${place}: its settings could not be read just now; they count as none` },
  ]);
  at.pass(minuteMs);
  expect(await at.read()).toMatchObject({ settings: { model: "owners" }, problems: [] });
  at.pass(minuteMs);
  broken();
  expect(await at.read()).toMatchObject({
    settings: { model: "owners" },
    problems: [
      {
        line: null,
        message: `${place}: its settings could not be read just now; those that were read last are used`,
      },
    ],
  });
});

test("a token that GitHub does not give is no end either", async () => {
  const at = await stage({ owner: "model: owners\n" });
  github.faults.add({ path: /access_tokens/, when: "before", status: 403 });
  expect(await at.read()).toMatchObject({
    settings: { model: config.model.name },
    problems: [{ line: null }],
  });
});

test("an owner's file that is not valid is reported with its lines, and its last valid version used", async () => {
  const at = await stage({ owner: "model: first\n" });
  const sha = await at.commitOwners("# second\nmodel: second\n");
  await at.commitOwners("modle: x\n");
  await at.commitOwners("\n\nmodle: x\n");
  const { settings, entries, problems } = await at.read();
  expect(settings.model).toBe("second");
  const place = `${at.login}/.github`;
  expect(problems).toEqual([
    { line: 3, message: `${place}: modle: there is no such key; did you mean model?` },
    {
      line: null,
      message: `${place}: the last valid file, of commit ${sha.slice(0, 7)}, is used until it is mended`,
    },
  ]);
  expect(entries.find(({ key }) => key === "model")?.source).toMatchObject({ sha, line: 2 });
});

test("an owner's file of a megabyte is reported by its size", async () => {
  const at = await stage({ owner: `# ${"x".repeat(1_100_000)}` });
  expect((await at.read()).problems[0]?.message).toContain(
    "expected a file of at most 65536 bytes, got 1100002",
  );
});

test("the repository's own last valid file is used, and its commit named", async () => {
  const at = await stage({ own: "model: first\n" });
  const sha = at.local.git("rev-parse", "HEAD");
  await at.local.commit({ [path]: "model: {}\n" });
  expect(await at.read()).toMatchObject({
    settings: { model: "first" },
    state: "invalid",
    problems: [
      {
        line: 1,
        message: "model: expected the name of a Claude model, such as claude-sonnet-4-5, got a mapping",
      },
      {
        line: null,
        message: `the last valid file, of commit ${sha.slice(0, 7)}, is used until it is mended`,
      },
    ],
  });
});

test("a file that never was valid counts as none, and the owner's holds", async () => {
  const at = await stage({ own: "- x\n", owner: "model: owners\n" });
  const { settings, problems } = await at.read();
  expect(settings.model).toBe("owners");
  expect(problems[1]).toEqual({
    line: null,
    message: "no valid file among its last 21 versions: it counts as none until it is mended",
  });
});

test("where there is no mirror, GitHub is asked for the file at the commit", async () => {
  const at = await stage({ own: "model: first\n" });
  const name = `${at.login}/widgets`;
  const sha = await github.commit(name, { branch: "main", files: { [path]: "model: second\n" } });
  await github.commit(name, { branch: "main", files: { [path]: "model: third\n" } });
  const bad = await github.commit(name, { branch: "main", files: { [path]: "model: [\n" } });
  const { id, ...rest } = at.place.repository;
  const client = await at.deps.github.openRepository({
    installationId: at.place.installationId,
    repositoryId: id,
    permissions: { contents: "read" },
  });
  const read = (commit: string) =>
    readEffectiveSettings(at.deps, {
      ...at.place,
      repository: { id, ...rest },
      sha: commit,
      from: { octokit: client.octokit },
    });
  expect(await read(sha)).toMatchObject({ settings: { model: "second" }, problems: [], state: "valid" });
  expect(await read(bad)).toMatchObject({ settings: { model: "third" }, state: "invalid" });
});

test("a .github repository that left the installation has no say any more", async () => {
  const at = await stage({ owner: "model: owners\n" });
  expect((await at.read()).settings.model).toBe("owners");
  const rows = await home.database.system.select().from(repositoryTable);
  await removeRepositories(
    home.database.system,
    rows.filter(({ owner, name }) => owner === at.login && name === ".github").map(({ id }) => id),
  );
  expect(await at.read()).toMatchObject({ settings: { model: config.model.name }, problems: [] });
});

test("what stood only on a branch that the owner merged was never in force", async () => {
  const at = await stage({ owner: "model: first\n" });
  const name = `${at.login}/.github`;
  aheadMs += 2_000;
  await github.commit(name, { branch: "side", from: "main", files: { [path]: "model: evil\n" } });
  await github.commit(name, { branch: "side", files: { [path]: "modle: x\n" } });
  const admin = github.createUser(`admin${serial}`).login;
  github.setRole(name, admin, "admin");
  const person = github.as(admin);
  const { number } = await person.openPull(name, { title: "Side", head: "side", base: "main" });
  await person.merge(name, number);
  const { settings, problems } = await at.read();
  expect(problems).toHaveLength(2);
  expect(settings.model).toBe("first");
});

test("the owner's own .github repository is read like any other", async () => {
  const at = await stage({ owner: "model: owners\n" });
  const [row] = (await home.database.system.select().from(repositoryTable)).filter(
    ({ owner, name }) => owner === at.login && name === ".github",
  );
  if (row === undefined) throw new Error("expected the repository's row");
  const sha = at.local.git("rev-parse", "HEAD");
  const repository = { id: row.id, owner: row.owner, name: row.name };
  const read = await readEffectiveSettings(at.deps, {
    ...at.place,
    ...{ repository, sha, from: { mirrorPath: at.local.path } },
  });
  expect(read).toMatchObject({ settings: { model: config.model.name }, state: "absent" });
  expect(at.asked()).toBe(0);
});

test("what may be pushed is never decided without settings: a mirror that has lost the base asks GitHub for the branch as it stands", async () => {
  const { deps, place, login } = await stage({ own: "protected_paths: [infra/]\n" });
  const { installationId, repository, accountId } = place;
  const reader = await deps.github.openRepository({
    ...{ installationId, repositoryId: repository.id, permissions: { contents: "read" } },
  });
  const ask = async (ref: string) => {
    const elsewhere = await gitRepository({ "other.txt": "x" });
    const base = { ref, sha: "1".repeat(40) };
    const task = { accountId, installationId, repositoryId: repository.id, context: { base } };
    // Only these of a claim are looked at.
    const claim = { task, session: { baseSha: null, baseRef: null } } as unknown as Claim;
    return readSettingsInForce(deps, {
      ...{ claim, reader, repository: { owner: login, name: "widgets" }, mirrorPath: elsewhere.path },
    });
  };
  expect((await ask("main")).settings.protectedPaths).toContain("infra/");
  // A base that is gone as well: the default branch decides.
  expect((await ask("gone")).settings.protectedPaths).toContain("infra/");
});
