import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { git, names, openStage, withToken } from "./github-stage.ts";
import type { Place, Stage } from "./github-stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
afterEach(async () => {
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
});

/** Commits one file on a new branch of a clone and pushes it; rejects with what git said. */
async function push(
  folder: string,
  input: { branch: string; path?: string; content?: string; options?: string[] },
): Promise<string> {
  const { branch, path = "src/new.js", content = `${Math.random()}\n`, options = [] } = input;
  await git(folder, "checkout", "-q", "-B", branch);
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
  await git(folder, "add", "-A");
  await git(folder, "commit", "-qm", "Change");
  return await git(folder, "push", "-q", ...options, "origin", `HEAD:refs/heads/${branch}`);
}

async function writeToken(place: Place): Promise<string> {
  return await stage.token({ repositoryIds: [place.id], permissions: { contents: "write" } });
}

function pushesOf(place: Place): unknown[] {
  const pushes = stage.github.effects.filter(({ params }) => params["repo"] === place.repo);
  return pushes.map(({ params }) => params["ref"]);
}

describe("fetching", () => {
  test("anybody reads a public repository, nobody a private one without a token", async () => {
    const [open, closed] = [await stage.makeRepository(), await stage.makeRepository({ private: true })];
    await stage.clone(open);
    await expect(stage.clone(closed)).rejects.toThrow(/Authentication failed|could not read Username/);
    const greeting = await fetch(`${closed.cloneUrl}/info/refs?service=git-upload-pack`);
    expect([greeting.status, greeting.headers.get("www-authenticate")]).toEqual([
      401,
      'Basic realm="GitHub"',
    ]);
    await stage.clone(
      closed,
      await stage.token({ repositoryIds: [closed.id], permissions: { contents: "read" } }),
    );
    await stage.clone(closed, stage.github.as("bob").token);
  });

  test("a wrong token, a foreign token and a token without contents open nothing", async () => {
    const [mine, other] = [
      await stage.makeRepository({ private: true }),
      await stage.makeRepository({ private: true }),
    ];
    await expect(stage.clone(mine, "ghs_wrong")).rejects.toThrow(/Authentication failed/);
    await expect(stage.clone(mine, await writeToken(other))).rejects.toThrow(/not found/);
    const token = await stage.token({ repositoryIds: [mine.id], permissions: { issues: "write" } });
    await expect(stage.clone(mine, token)).rejects.toThrow(/403/);
    await expect(stage.clone(mine, stage.github.as("mallory").token)).rejects.toThrow(/not found/);
  });

  test("one commit by its id, without the rest", async () => {
    const place = await stage.makeRepository();
    const [{ sha } = { sha: "" }] = await stage.github.commits(place.full, "main");
    const folder = join(stage.folder, "shallow");
    await git(stage.folder, "init", "-q", folder);
    await git(folder, "fetch", "-q", "--depth=1", "--filter=blob:none", place.cloneUrl, sha);
    expect((await git(folder, "rev-parse", "FETCH_HEAD")).trim()).toBe(sha);
  });

  test("a renamed repository answers under its old name", async () => {
    const place = await stage.makeRepository();
    stage.github.renameRepository(place.full, `${place.repo}-moved`);
    await stage.clone(place);
  });
});

describe("pushing", () => {
  test("takes a branch, tells it in the log of effects, and moves the pull request", async () => {
    const place = await stage.makeRepository({ private: true });
    const token = await writeToken(place);
    const folder = await stage.clone(place, token);
    await push(folder, { branch: "claude/1" });
    const [effect] = stage.github.effects.slice(-1);
    expect(effect).toMatchObject({ operationId: "git/receive-pack", actor: "remote-claude[bot]" });
    expect(effect?.params).toMatchObject({ ref: "refs/heads/claude/1", before: "0".repeat(40) });
    const alice = stage.github.as("alice");
    await alice.openPull(place.full, { title: "x", head: "claude/1", base: "main" });
    await push(folder, { branch: "claude/1" });
    const head = (await git(folder, "rev-parse", "HEAD")).trim();
    expect((await stage.github.pullRequests(place.full))[0]?.headSha).toBe(head);
    const number = (await stage.github.pullRequests(place.full))[0]?.number ?? 0;
    const ref = await git(
      stage.folder,
      "ls-remote",
      withToken(place.cloneUrl, token),
      `refs/pull/${number}/head`,
    );
    expect(ref).toContain(head);
  });

  test("contents:read does not push, nor does a reader, nor anybody without a name", async () => {
    const place = await stage.makeRepository();
    const read = await stage.token({ repositoryIds: [place.id], permissions: { contents: "read" } });
    const denied = /denied to remote-claude\[bot\]|403/;
    await expect(push(await stage.clone(place, read), { branch: "a" })).rejects.toThrow(denied);
    const reader = stage.github.as("bob").token;
    await expect(push(await stage.clone(place, reader), { branch: "a" })).rejects.toThrow(/403/);
    await expect(push(await stage.clone(place), { branch: "a" })).rejects.toThrow(
      /could not read Username|Authentication/,
    );
    expect(await stage.github.branches(place.full)).toEqual({ main: expect.any(String) as string });
  });

  test("a protected branch takes nothing, in GitHub's words", async () => {
    const place = await stage.makeRepository();
    stage.github.protectBranch(place.full, "main");
    const folder = await stage.clone(place, await writeToken(place));
    await expect(push(folder, { branch: "main" })).rejects.toThrow(/GH006: Protected branch update failed/);
    await expect(push(folder, { branch: "main", options: ["--force"] })).rejects.toThrow(/GH006/);
    await push(folder, { branch: "claude/1" });
  });

  test("a workflow file needs its own permission; one that is there already does not matter", async () => {
    const path = ".github/workflows/ci.yml";
    const place = await stage.makeRepository({ files: { [path]: "on: push\n", "a.txt": "a\n" } });
    const folder = await stage.clone(place, await writeToken(place));
    await push(folder, { branch: "claude/1" });
    const refused =
      /refusing to allow a GitHub App to create or update workflow `.github\/workflows\/ci.yml`/;
    await expect(push(folder, { branch: "claude/2", path, content: "on: pull_request\n" })).rejects.toThrow(
      refused,
    );
    stage.github.setRole(place.full, "carol", "write");
    const person = await stage.clone(place, stage.github.as("carol").token);
    await push(person, { branch: "ci", path, content: "on: pull_request\n" });
  });

  test("not a fast forward without force; a lease that is out of date fails; chunked bodies arrive", async () => {
    const place = await stage.makeRepository();
    const folder = await stage.clone(place, await writeToken(place));
    await push(folder, { branch: "claude/1" });
    await git(folder, "reset", "-q", "--hard", "HEAD~1");
    await expect(push(folder, { branch: "claude/1" })).rejects.toThrow(/rejected/);
    const stale = `--force-with-lease=refs/heads/claude/1:${"1".repeat(40)}`;
    await expect(push(folder, { branch: "claude/1", options: [stale] })).rejects.toThrow(/stale info/);
    await git(folder, "config", "http.postBuffer", "65536");
    const large = Buffer.from(
      Array.from({ length: 300_000 }, () => Math.floor(Math.random() * 256)),
    ).toString("hex");
    await push(folder, { branch: "claude/1", path: "large.txt", content: large, options: ["--force"] });
    expect(await stage.github.show(place.full, "claude/1", "large.txt")).toBe(large);
  });

  test("only branches and tags, never a pull request's ref", async () => {
    const place = await stage.makeRepository();
    const folder = await stage.clone(place, await writeToken(place));
    await expect(git(folder, "push", "-q", "origin", "HEAD:refs/pull/9/head")).rejects.toThrow(
      /hidden ref|deny/,
    );
    await expect(git(folder, "push", "-q", "origin", "HEAD:refs/other/x")).rejects.toThrow(
      /only branches and tags/,
    );
  });

  test("an empty repository takes its first commit, whatever its default branch is called", async () => {
    const place = await stage.makeRepository({ empty: true, private: true });
    const folder = await stage.clone(place, await writeToken(place));
    await push(folder, { branch: "main" });
    expect(Object.keys(await stage.github.branches(place.full))).toEqual(["main"]);
  });

  test("pushes to one repository at once all arrive", async () => {
    const place = await stage.makeRepository();
    const token = await writeToken(place);
    const folders = await Promise.all([1, 2, 3].map(() => stage.clone(place, token)));
    await Promise.all(folders.map((folder, i) => push(folder, { branch: `claude/${i}` })));
    const branches = Object.keys(await stage.github.branches(place.full));
    expect(branches).toEqual(["claude/0", "claude/1", "claude/2", "main"]);
  });
});

test("a pusher that dies in the middle holds nobody up", async () => {
  const place = await stage.makeRepository();
  const token = await writeToken(place);
  const url = `${place.cloneUrl}/git-receive-pack`;
  const dying = new AbortController();
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(Buffer.from("00a5")),
    pull: () => dying.abort(),
  });
  const headers = {
    authorization: `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`,
    "content-type": "application/x-git-receive-pack-request",
  };
  await expect(
    fetch(url, { method: "POST", headers, body, duplex: "half", signal: dying.signal }),
  ).rejects.toThrow();
  await push(await stage.clone(place, token), { branch: "claude/1" });
});

describe("faults in git", () => {
  test("before the push nothing has changed, after it everything has, and the pusher cannot tell", async () => {
    const place = await stage.makeRepository();
    const folder = await stage.clone(place, await writeToken(place));
    stage.github.faults.add({ operationId: "git/receive-pack", when: "before", status: 502 });
    await expect(push(folder, { branch: "claude/1" })).rejects.toThrow(/502/);
    expect(Object.keys(await stage.github.branches(place.full))).toEqual(["main"]);
    stage.github.faults.add({ operationId: "git/receive-pack", when: "after", reset: true });
    await expect(push(folder, { branch: "claude/2" })).rejects.toThrow();
    expect(Object.keys(await stage.github.branches(place.full))).toEqual(["claude/2", "main"]);
    expect(pushesOf(place)).toEqual(["refs/heads/claude/2"]);
  });

  test("a fetch that is cut off is not a clone", async () => {
    const place = await stage.makeRepository();
    stage.github.faults.add({ operationId: "git/upload-pack", when: "before", reset: true });
    await expect(stage.clone(place)).rejects.toThrow();
    await stage.clone(place);
    expect(stage.github.faults.struck).toBeGreaterThan(2);
    const bot = await stage.asBot();
    expect((await bot.rest.repos.get(names(place))).status).toBe(200);
  });
});
