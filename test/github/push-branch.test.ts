import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pushBranch, type PushInput } from "../../src/github/push-branch.ts";
import { gitRepository, hostGit } from "../support/git-repository.ts";
import { gitServer } from "../support/git-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const branch = "claude/7-mend-it";

/** A server with main, and a bare repository with two more commits on it. */
async function setUp() {
  const server = await gitServer();
  const repository = await gitRepository();
  const base = repository.git("rev-parse", "HEAD");
  repository.git("push", "--quiet", server.path, "main");
  const first = await repository.commit({ "a.txt": "a" });
  const second = await repository.commit({ "b.txt": "b" });
  const quarantinePath = join(await temporaryFolder(), "quarantine.git");
  hostGit(repository.path, "clone", "--quiet", "--bare", ".", quarantinePath);
  const push = (changes: Partial<PushInput> = {}) =>
    pushBranch({
      quarantinePath,
      remoteUrl: server.url,
      token: server.token,
      branch,
      commitSha: first,
      expectedSha: null,
      ...changes,
    });
  const remote = () =>
    hostGit(server.path, "for-each-ref", "--format=%(refname:short) %(objectname)").split("\n");
  return { server, quarantinePath, base, first, second, push, remote };
}

/** What the server says and does before it takes a push. */
async function hook(path: string, script: string): Promise<void> {
  await writeFile(join(path, "hooks", "pre-receive"), `#!/bin/sh\ncat >/dev/null\n${script}\n`);
  await chmod(join(path, "hooks", "pre-receive"), 0o755);
}

test("a new branch is made, only that one and no tag", async () => {
  const { quarantinePath, base, first, push, remote } = await setUp();
  hostGit(quarantinePath, "tag", "v1", first);
  expect(await push()).toEqual({ pushed: true, sha: first });
  expect(remote()).toEqual([`${branch} ${first}`, `main ${base}`]);
});

test("the same push again is a success that changes nothing", async () => {
  const { first, push, remote } = await setUp();
  await push();
  const before = remote();
  expect(await push()).toEqual({ pushed: true, sha: first });
  expect(remote()).toEqual(before);
});

test("a branch moves on, and back, when it stands where it is expected", async () => {
  const { first, second, push, remote } = await setUp();
  await push();
  expect(await push({ commitSha: second, expectedSha: first })).toEqual({ pushed: true, sha: second });
  expect(await push({ commitSha: first, expectedSha: second })).toEqual({ pushed: true, sha: first });
  expect(remote()).toContain(`${branch} ${first}`);
});

test("a branch that stands elsewhere, exists already or is gone is stale and stays as it is", async () => {
  const { base, first, second, push, remote } = await setUp();
  expect(await push({ expectedSha: base })).toMatchObject({ pushed: false, reason: "stale" });
  await push();
  const before = remote();
  expect(await push({ commitSha: second })).toMatchObject({ pushed: false, reason: "stale" });
  expect(await push({ commitSha: second, expectedSha: base })).toMatchObject({
    pushed: false,
    reason: "stale",
  });
  expect(remote()).toEqual(before);
  expect(before).toContain(`${branch} ${first}`);
});

test.each([
  [
    "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission",
    "workflow",
  ],
  ["error: GH006: Protected branch update failed for refs/heads/claude/7-mend-it.", "protected"],
  ["error: GH013: Repository rule violations found for refs/heads/claude/7-mend-it.", "protected"],
  ["something else", "rejected"],
])("a refusal by the server is told: %s", async (words, reason) => {
  const { server, push } = await setUp();
  await hook(server.path, `echo '${words}' >&2; exit 1`);
  const pushed = await push();
  expect(pushed).toMatchObject({ pushed: false, reason });
  expect(pushed.pushed ? "" : pushed.detail).toContain(words);
});

test.each([
  [401, "UserError", "repository-token-refused"],
  [403, "UserError", "repository-forbidden"],
  [404, "UserError", "repository-not-found"],
  [503, "TransientError", undefined],
])("an answer %i becomes a %s", async (status, name, code) => {
  const { server, push } = await setUp();
  server.answer = { status };
  const error: unknown = await push().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject(code === undefined ? { name } : { name, code });
});

test("no branch but ours is ever written", async () => {
  const { push, remote } = await setUp();
  const before = remote();
  const bad = [
    "main",
    "claude",
    "claude/",
    "Claude/x",
    "claude/../main",
    "claude/a..b",
    "claude/a.lock",
    "claude/a.lock/b",
  ];
  const worse = [
    "claude/.a",
    "claude/a b",
    "claude/a:main",
    "claude/-a",
    "claude/a/",
    "+claude/a",
    "refs/heads/claude/a",
  ];
  const worst = ["claude/a\nb", "claude/x;touch${IFS}y", "claude/a^{}", "claude/a*", "claude/a@{1}"];
  for (const name of [...bad, ...worse, ...worst]) {
    await expect(push({ branch: name }), name).rejects.toMatchObject({ code: "branch-not-ours" });
  }
  expect(remote()).toEqual(before);
});

test("the token is in no argument and no file, and hooks of the repository do not run", async () => {
  const { server, quarantinePath, push } = await setUp();
  const seen = join(await temporaryFolder(), "ran");
  for (const name of ["pre-push", "reference-transaction"]) {
    await writeFile(join(quarantinePath, "hooks", name), `#!/bin/sh\ntouch ${seen}\n`);
    await chmod(join(quarantinePath, "hooks", name), 0o755);
  }
  // The server sees every command line of this machine while it takes the push.
  await hook(server.path, `cat /proc/[0-9]*/cmdline 2>/dev/null > ${seen}.cmdlines; true`);
  expect(await push()).toMatchObject({ pushed: true });
  const encoded = Buffer.from(`x-access-token:${server.token}`).toString("base64");
  const commandLines = await readFile(`${seen}.cmdlines`, "latin1");
  expect(commandLines).toContain("push");
  expect(commandLines.includes(server.token) || commandLines.includes(encoded)).toBe(false);
  for (const entry of await readdir(quarantinePath, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const content = await readFile(join(entry.parentPath, entry.name), "latin1");
    expect(content.includes(server.token) || content.includes(encoded), entry.name).toBe(false);
  }
  await expect(readFile(seen)).rejects.toMatchObject({ code: "ENOENT" });
});
