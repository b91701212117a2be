import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { removeMirror, updateMirror } from "../../src/github/mirror.ts";
import { gitRepository, hostGit } from "../support/git-repository.ts";
import { gitServer } from "../support/git-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

async function setUp() {
  const server = await gitServer();
  const repository = await gitRepository();
  repository.git("push", "--quiet", server.path, "main");
  const dataDir = await temporaryFolder();
  const update = (changes: Partial<Parameters<typeof updateMirror>[0]> = {}) =>
    updateMirror({ dataDir, repositoryId: 42, remoteUrl: server.url, token: server.token, ...changes });
  return { server, repository, dataDir, update };
}

test("a mirror is made, then follows branches and tags, also backwards and away", async () => {
  const { server, repository, update } = await setUp();
  const first = repository.git("rev-parse", "HEAD");
  const mirror = await update();
  expect(mirror).toMatchObject({ empty: false });
  expect(hostGit(mirror.path, "rev-parse", "main")).toBe(first);
  const second = await repository.commit({ "a.txt": "a" });
  repository.git("tag", "v1");
  repository.git("push", "--quiet", server.path, "main", "main:other", "v1");
  expect(await update()).toEqual(mirror);
  expect(hostGit(mirror.path, "rev-parse", "main", "other", "v1^{commit}")).toBe(
    `${second}\n${second}\n${second}`,
  );
  repository.git("push", "--quiet", "--force", server.path, `${first}:main`, ":other", ":v1");
  await update();
  expect(hostGit(mirror.path, "for-each-ref", "--format=%(refname) %(objectname)")).toBe(
    `refs/heads/main ${first}`,
  );
});

test("an empty repository is a result of its own", async () => {
  const server = await gitServer();
  const dataDir = await temporaryFolder();
  const input = { dataDir, repositoryId: 1, remoteUrl: server.url, token: server.token };
  expect(await updateMirror(input)).toMatchObject({ empty: true });
  const repository = await gitRepository();
  repository.git("push", "--quiet", server.path, "main");
  expect(await updateMirror(input)).toMatchObject({ empty: false });
});

test("the token is in no file of the mirror, and the mirror remembers no address", async () => {
  const { server, dataDir, update } = await setUp();
  const { path } = await update();
  const encoded = Buffer.from(`x-access-token:${server.token}`).toString("base64");
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const content = await readFile(join(entry.parentPath, entry.name), "latin1");
    expect(content.includes(server.token) || content.includes(encoded), entry.name).toBe(false);
  }
  expect(await readFile(join(path, "config"), "utf8")).not.toContain("remote");
});

test.each([
  ["a deleted branch of objects", async (path: string) => rm(join(path, "objects"), { recursive: true })],
  ["a lost HEAD", async (path: string) => rm(join(path, "HEAD"))],
  ["a whole deleted mirror", async (path: string) => rm(path, { recursive: true })],
  ["a cut pack", cutPack],
])("%s is made good by the next update", async (_, harm) => {
  const { repository, update } = await setUp();
  const { path } = await update();
  hostGit(path, "repack", "-a", "-d", "--quiet");
  await harm(path);
  expect(await update()).toEqual({ path, empty: false });
  expect(hostGit(path, "rev-parse", "main")).toBe(repository.git("rev-parse", "HEAD"));
  expect(hostGit(path, "fsck", "--full", "--strict")).toBe("");
});

test("ten updates at once give one whole mirror", async () => {
  const { dataDir, update } = await setUp();
  const mirrors = await Promise.all(Array.from({ length: 10 }, () => update()));
  expect(new Set(mirrors.map(({ path }) => path)).size).toBe(1);
  expect((await readdir(join(dataDir, "mirrors"))).sort()).toEqual(["42.git", "42.git.lock"]);
});

test.each([
  [401, "repository-token-refused"],
  [403, "repository-forbidden"],
  [404, "repository-not-found"],
  [301, "repository-moved"],
])("an answer %i is the person's to mend: %s", async (status, code) => {
  const { server, update } = await setUp();
  server.answer = { status, headers: { location: "http://127.0.0.1:1/elsewhere" } };
  await expect(update()).rejects.toMatchObject({ name: "UserError", code });
});

test("a wrong token is refused and asked for nowhere else", async () => {
  const { update } = await setUp();
  await expect(update({ token: "ghs_wrong" })).rejects.toMatchObject({ code: "repository-token-refused" });
});

test.each([500, 502, 503, 429])("an answer %i passes by itself", async (status) => {
  const { server, update } = await setUp();
  server.answer = { status, headers: { "retry-after": "7" } };
  await expect(update()).rejects.toMatchObject({ name: "TransientError", retryAfterMs: 7_000 });
});

test("a server that is not there passes by itself", async () => {
  const { update } = await setUp();
  await expect(update({ remoteUrl: "http://127.0.0.1:1/o/r.git" })).rejects.toMatchObject({
    name: "TransientError",
  });
});

test("lock files of a killed git, and a half made mirror, are no obstacle", async () => {
  const { server, repository, dataDir, update } = await setUp();
  const { path } = await update();
  await mkdir(`${path}.draft-left`);
  await writeFile(join(path, "packed-refs.lock"), "");
  await writeFile(join(path, "refs", "heads", "main.lock"), "");
  const next = await repository.commit({ "b.txt": "b" });
  repository.git("push", "--quiet", server.path, "main");
  await update();
  expect(hostGit(path, "rev-parse", "main")).toBe(next);
  await rm(path, { recursive: true });
  await update();
  expect((await readdir(join(dataDir, "mirrors"))).sort()).toEqual(["42.git", "42.git.lock"]);
});

test("a worker waits for another one's lock, and for no longer than it may", async () => {
  const { dataDir, update } = await setUp();
  await update();
  const lock = join(dataDir, "mirrors", "42.git.lock");
  const other = spawn("flock", ["--exclusive", lock, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void other.kill("SIGKILL"));
  await new Promise((resolve) => other.stdout.once("data", resolve));
  await expect(update({ timeoutMs: 1_000 })).rejects.toMatchObject({ name: "TransientError" });
  const stop = new AbortController();
  const [first, second] = [update(), update({ signal: stop.signal })];
  stop.abort(new Error("stopped"));
  await expect(second).rejects.toThrow("stopped");
  other.stdin.end();
  expect(await first).toMatchObject({ empty: false });
});

test("an abort ends a fetch", async () => {
  const { update } = await setUp();
  const stop = new AbortController();
  const running = update({ signal: stop.signal });
  stop.abort(new Error("stopped"));
  await expect(running).rejects.toThrow("stopped");
});

test("an address with a credential in it is a mistake of ours", async () => {
  const { update } = await setUp();
  await expect(update({ remoteUrl: "https://x-access-token:t@github.com/o/r.git" })).rejects.toThrow(
    TypeError,
  );
});

test("a mirror is removed", async () => {
  const { dataDir, update } = await setUp();
  await update();
  await removeMirror({ dataDir, repositoryId: 42 });
  expect(await readdir(join(dataDir, "mirrors"))).toEqual(["42.git.lock"]);
});

async function cutPack(path: string): Promise<void> {
  const packs = join(path, "objects", "pack");
  const pack = (await readdir(packs)).find((name) => name.endsWith(".pack"));
  if (pack === undefined) throw new Error("expected a pack");
  await truncate(join(packs, pack), 40);
}
