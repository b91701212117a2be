import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { git, names, openStage, refusal, withToken } from "./github-stage.ts";
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

type Forked = { place: Place; fork: Place; number: number; sha: string };

/** A pull request of mallory's, who may only read, from a fork of her own. */
async function openFromFork(
  options: { private?: boolean; maintainer_can_modify?: boolean } = {},
): Promise<Forked> {
  const { maintainer_can_modify, ...kind } = options;
  const place = await stage.makeRepository(kind);
  stage.github.setRole(place.full, "mallory", "read");
  const { id, fullName: full, cloneUrl } = await stage.github.fork(place.full, "mallory");
  const fork = { owner: "mallory", repo: place.repo, full, id, cloneUrl };
  const files = { "src/add.js": "export const add = (a, b) => a + b;\n" };
  const sha = await stage.github.commit(full, { branch: "fix", files, message: "Add, do not subtract" });
  const { number } = await stage.github.as("mallory").openPull(place.full, {
    ...{ title: "Fix add", head: "mallory:fix", base: "main" },
    ...(maintainer_can_modify === undefined ? {} : { maintainer_can_modify }),
  });
  return { place, fork, number, sha };
}

async function tokenFor(place: Place): Promise<string> {
  return await stage.token({ repositoryIds: [place.id], permissions: { contents: "write" } });
}

type Hook = { action?: string; repository?: { full_name: string } };

function hooksAbout(place: Place, action: string): Hook[] {
  return stage.hooks
    .map(({ body }) => JSON.parse(body) as Hook)
    .filter((hook) => hook.action === action && hook.repository?.full_name === place.full);
}

describe("a pull request from a fork", () => {
  test("shows both repositories in answers, lists and webhooks", async () => {
    const { place, fork, number, sha } = await openFromFork();
    const bot = await stage.asBot();
    const { data } = await bot.rest.pulls.get({ ...names(place), pull_number: number });
    expect(data.head).toMatchObject({
      label: "mallory:fix",
      ref: "fix",
      sha,
      repo: { id: fork.id, fork: true },
    });
    expect(data.base.repo).toMatchObject({ id: place.id, fork: false });
    expect(data).toMatchObject({ maintainer_can_modify: true, commits: 1, changed_files: 1, additions: 1 });
    await stage.github.drained();
    expect(hooksAbout(place, "opened")).toMatchObject([
      { pull_request: { head: { repo: { full_name: fork.full } } }, sender: { login: "mallory" } },
    ]);
    const listed = await bot.rest.pulls.list({ ...names(place), head: "mallory:fix" });
    expect(listed.data.map((pull) => pull.number)).toEqual([number]);
    expect((await bot.rest.pulls.list({ ...names(place), head: "acme:fix" })).data).toEqual([]);
    const repository = await bot.rest.repos.get(names(fork));
    expect(repository.data).toMatchObject({ fork: true, parent: { id: place.id }, source: { id: place.id } });
  });

  test("has its head in the base repository, and it moves with the fork's branch", async () => {
    const { place, fork, number, sha } = await openFromFork({ private: true });
    const url = withToken(place.cloneUrl, await tokenFor(place));
    const head = () => git(stage.folder, "ls-remote", url, `refs/pull/${number}/head`);
    expect(await head()).toContain(sha);
    const clone = await stage.clone(fork, stage.github.as("mallory").token);
    await git(clone, "checkout", "-q", "fix");
    await writeFile(join(clone, "more.txt"), "more\n");
    await git(clone, "add", "-A");
    await git(clone, "commit", "-qm", "More");
    await git(clone, "push", "-q", "origin", "fix");
    const moved = (await git(clone, "rev-parse", "HEAD")).trim();
    expect(await head()).toContain(moved);
    await stage.github.drained();
    expect(hooksAbout(place, "synchronize")).toMatchObject([
      { before: sha, after: moved, pull_request: { number, head: { sha: moved } } },
    ]);
    const folder = await stage.clone(place, await tokenFor(place));
    await git(folder, "fetch", "-q", "origin", `refs/pull/${number}/head`);
    expect((await git(folder, "rev-parse", "FETCH_HEAD")).trim()).toBe(moved);
    expect(Object.keys(await stage.github.branches(place.full))).toEqual(["main"]);
  });

  test("takes files, a diff, commits, comments and reviews like any other, and merges", async () => {
    const { place, number, sha } = await openFromFork();
    const bot = await stage.asBot();
    const pull = { ...names(place), pull_number: number };
    expect((await bot.rest.pulls.listFiles(pull)).data).toMatchObject([{ filename: "src/add.js" }]);
    expect((await bot.rest.pulls.listCommits(pull)).data).toMatchObject([{ sha }]);
    const diff = await bot.rest.pulls.get({ ...pull, mediaType: { format: "diff" } });
    expect(diff.data as unknown as string).toContain("+export const add = (a, b) => a + b;");
    await bot.rest.issues.createComment({ ...names(place), issue_number: number, body: "Thank you" });
    const review = await bot.rest.pulls.createReview({
      ...pull,
      event: "COMMENT",
      comments: [{ path: "src/add.js", line: 1, body: "Good" }],
    });
    expect(review.data.commit_id).toBe(sha);
    await stage.github.as("alice").merge(place.full, number);
    expect(await stage.github.show(place.full, "main", "src/add.js")).toContain("a + b");
    const [tip] = await stage.github.commits(place.full, "main");
    expect(tip?.message).toContain("from mallory/fix");
  });

  test("a token of the base writes nothing into the fork", async () => {
    const { place, fork } = await openFromFork();
    const token = await tokenFor(place);
    const clone = await stage.clone(fork, token);
    await expect(git(clone, "push", "-q", "origin", "HEAD:refs/heads/fix2")).rejects.toThrow(/403/);
    await expect(git(clone, "push", "-qf", "origin", "HEAD:refs/heads/fix")).rejects.toThrow(/403/);
    const bot = await stage.asBot();
    const ref = { ...names(fork), ref: "refs/heads/x", sha: "1".repeat(40) };
    expect(await refusal(bot.rest.git.createRef(ref))).toMatch(/^403 Resource not accessible/);
    const theirs = stage.github.install({ app: stage.app, owner: "mallory", repositories: [fork.full] });
    const { data } = await stage.asApp().rest.apps.createInstallationAccessToken({
      installation_id: theirs.id,
    });
    const open = await stage.clone(fork, data.token);
    await git(open, "push", "-q", "origin", "HEAD:refs/heads/fix2");
    stage.github.uninstall(theirs);
  });

  test("its branch takes pushes of the base's maintainers where its author lets them", async () => {
    const [open, closed] = [await openFromFork(), await openFromFork({ maintainer_can_modify: false })];
    const push = async ({ fork }: Forked, login: string, branch: string) => {
      const clone = await stage.clone(fork, stage.github.as(login).token);
      await git(clone, "checkout", "-q", "-B", branch, "origin/fix");
      await writeFile(join(clone, `${login}.txt`), `for ${branch}\n`);
      await git(clone, "add", "-A");
      await git(clone, "commit", "-qm", "Mine");
      return await git(clone, "push", "-q", "origin", branch);
    };
    await push(open, "alice", "fix");
    await expect(push(open, "alice", "other")).rejects.toThrow(/permission denied/);
    await expect(push(open, "bob", "fix")).rejects.toThrow(/403/);
    await expect(push(closed, "alice", "fix")).rejects.toThrow(/403/);
  });

  test("needs a branch that its author may write", async () => {
    const { place } = await openFromFork();
    const input = { title: "x", base: "main" };
    const mallory = stage.github.as("mallory");
    const answer = async (head: string) =>
      (await mallory.api("POST", `/repos/${place.full}/pulls`, { ...input, head })).status;
    expect([await answer("acme:main"), await answer("bob:fix"), await answer("mallory:none")]).toEqual([
      403, 422, 422,
    ]);
    expect(await answer("mallory:fix")).toBe(422);
    const bot = await stage.asBot();
    const asked = bot.rest.pulls.create({ ...names(place), ...input, head: "mallory:fix" });
    expect(await refusal(asked)).toMatch(/^403/);
  });

  test("closes when its branch or its repository goes, and comes back with the branch only", async () => {
    const { place, fork, number, sha } = await openFromFork();
    const mallory = stage.github.as("mallory");
    await stage.github.deleteBranch(fork.full, "fix");
    const path = `/repos/${place.full}/pulls/${number}`;
    expect((await mallory.api("GET", path)).body).toMatchObject({ state: "closed", head: { sha } });
    expect((await mallory.api("PATCH", path, { state: "open" })).status).toBe(422);
    await stage.github.createBranch(fork.full, { branch: "fix", sha });
    expect((await mallory.api("PATCH", path, { state: "open" })).status).toBe(200);
    stage.github.deleteRepository(fork.full);
    await stage.github.drained();
    expect((await mallory.api("GET", path)).body).toMatchObject({
      state: "closed",
      head: { label: "mallory:fix", repo: null },
    });
    expect(hooksAbout(place, "closed")).toHaveLength(2);
    expect((await mallory.api("PATCH", path, { state: "open" })).status).toBe(422);
    const url = withToken(place.cloneUrl, await tokenFor(place));
    expect(await git(stage.folder, "ls-remote", url, `refs/pull/${number}/head`)).toContain(sha);
  });
});
