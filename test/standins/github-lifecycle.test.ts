import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { git, names, openStage, refusal } from "./github-stage.ts";
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

type Opened = {
  place: Place;
  number: number;
  sha: string;
  pull: ReturnType<typeof names> & { pull_number: number };
};

/** A pull request of alice's from the branch `fix`, which writes a.txt. */
async function openPull(draft = false): Promise<Opened> {
  const place = await stage.makeRepository({ files: { "a.txt": "old\n" } });
  const files = { "a.txt": "ours\n" };
  const sha = await stage.github.commit(place.full, { branch: "fix", files });
  const input = { title: "Fix", head: "fix", base: "main", draft };
  const { number } = await stage.github.as("alice").openPull(place.full, input);
  return { place, number, sha, pull: { ...names(place), pull_number: number } };
}

async function actionsOf(place: Place): Promise<string[]> {
  await stage.github.drained();
  return stage.hooks.flatMap(({ headers, body }) => {
    const hook = JSON.parse(body) as { action?: string; repository?: { full_name: string } };
    const event = headers["x-github-event"];
    const isAbout = hook.repository?.full_name === place.full && event === "pull_request";
    return isAbout ? [hook.action ?? ""] : [];
  });
}

async function stateOf({ pull }: Opened) {
  const bot = await stage.asBot();
  const { data } = await bot.rest.pulls.get(pull);
  return { state: data.state, merged: data.merged, base: data.base.ref, sha: data.head.sha };
}

describe("whether a pull request merges", () => {
  test("is told on the second read after a change of either side", async () => {
    const { place, pull } = await openPull();
    const bot = await stage.asBot();
    const read = async () => {
      const { data } = await bot.rest.pulls.get(pull);
      return [data.mergeable, data.mergeable_state];
    };
    expect([await read(), await read()]).toEqual([
      [null, "unknown"],
      [true, "clean"],
    ]);
    await stage.github.commit(place.full, { branch: "main", files: { "a.txt": "theirs\n" } });
    expect([await read(), await read()]).toEqual([
      [null, "unknown"],
      [false, "dirty"],
    ]);
    expect(await refusal(bot.rest.pulls.merge({ ...pull, merge_method: "merge" }))).toBe(
      "405 Pull Request is not mergeable",
    );
    const [base] = await stage.github.commits(place.full, "main~1");
    await stage.github.forcePush(place.full, { branch: "main", sha: base?.sha ?? "" });
    expect([await read(), await read()]).toEqual([
      [null, "unknown"],
      [true, "clean"],
    ]);
    stage.github.protectBranch(place.full, "main");
    expect(await read()).toEqual([true, "blocked"]);
  });
});

describe("the life of a pull request", () => {
  test("draft, ready, edited, retargeted, pushed to", async () => {
    const opened = await openPull(true);
    const { place, number, pull } = opened;
    await stage.github.setDraft(place.full, number, false);
    await stage.github.setDraft(place.full, number, true);
    await stage.github.commit(place.full, { branch: "next2", files: { "b.txt": "b\n" } });
    const bot = await stage.asBot();
    await bot.rest.pulls.update({ ...pull, title: "Better" });
    await bot.rest.pulls.update({ ...pull, base: "next2" });
    await stage.github.commit(place.full, { branch: "fix", files: { "a.txt": "more\n" } });
    expect(await actionsOf(place)).toEqual([
      ...["opened", "ready_for_review", "converted_to_draft", "edited", "edited", "synchronize"],
    ]);
    expect(await stateOf(opened)).toMatchObject({ state: "open", base: "next2" });
  });

  test("a deleted head branch closes it; it opens again with the branch, not with another of that name", async () => {
    const opened = await openPull();
    const { place, pull, sha } = opened;
    const bot = await stage.asBot();
    await bot.rest.git.deleteRef({ ...names(place), ref: "heads/fix" });
    expect(await stateOf(opened)).toMatchObject({ state: "closed", merged: false, sha });
    const reopen = () => bot.rest.pulls.update({ ...pull, state: "open" });
    expect(await refusal(reopen())).toMatch(/^422 .*fix branch has been deleted/);
    await stage.github.commit(place.full, { branch: "fix", files: { "c.txt": "c\n" } });
    expect(await refusal(reopen())).toMatch(/force-pushed or recreated/);
    await stage.github.forcePush(place.full, { branch: "fix", sha });
    await reopen();
    expect(await actionsOf(place)).toEqual(["opened", "closed", "reopened"]);
    const thread = { ...names(place), issue_number: pull.pull_number };
    await bot.rest.issues.update({ ...thread, state: "closed" });
    await stage.github.deleteBranch(place.full, "fix");
    expect(await refusal(bot.rest.issues.update({ ...thread, state: "open" }))).toMatch(/^422/);
  });

  test("a base branch that goes closes it, one that is renamed takes it along", async () => {
    const opened = await openPull();
    const { place, pull } = opened;
    await stage.github.renameBranch(place.full, "main", "trunk");
    expect(await stateOf(opened)).toMatchObject({ state: "open", base: "trunk" });
    const bot = await stage.asBot();
    expect((await bot.rest.repos.get(names(place))).data.default_branch).toBe("trunk");
    const folder = await stage.clone(place, stage.github.as("alice").token);
    expect((await git(folder, "branch", "--show-current")).trim()).toBe("trunk");
    await stage.github.createBranch(place.full, {
      branch: "side",
      sha: (await git(folder, "rev-parse", "HEAD")).trim(),
    });
    await bot.rest.pulls.update({ ...pull, base: "side" });
    await stage.github.deleteBranch(place.full, "side");
    expect(await stateOf(opened)).toMatchObject({ state: "closed", merged: false });
  });

  test("a push of its commits to the base merges it", async () => {
    const opened = await openPull();
    const folder = await stage.clone(opened.place, stage.github.as("alice").token);
    await git(folder, "push", "-q", "origin", "origin/fix:refs/heads/main");
    expect(await stateOf(opened)).toMatchObject({ state: "closed", merged: true });
  });

  test("locked, it takes neither comments nor reactions", async () => {
    const { place, number } = await openPull();
    const { id } = await stage.github.as("alice").comment(place.full, number, "hello");
    await stage.github.as("alice").lockIssue(place.full, number);
    const bot = await stage.asBot();
    const thread = { ...names(place), issue_number: number };
    expect(await refusal(bot.rest.issues.createComment({ ...thread, body: "x" }))).toMatch(/^403 .*locked/);
    const reacted = bot.rest.reactions.createForIssueComment({
      ...names(place),
      comment_id: id,
      content: "eyes",
    });
    expect(await refusal(reacted)).toMatch(/^403 .*locked/);
    expect(await refusal(bot.rest.reactions.createForIssue({ ...thread, content: "eyes" }))).toMatch(/^403/);
    await stage.github.as("alice").deleteComment(place.full, id);
    await bot.rest.issues.unlock(thread);
    const gone = bot.rest.reactions.createForIssueComment({
      ...names(place),
      comment_id: id,
      content: "eyes",
    });
    expect(await refusal(gone)).toBe("404 Not Found");
  });
});

test("who subscribes hears of deleted branches and of what happens to the repository", async () => {
  const app = await stage.github.createApp({
    name: "Listener",
    owner: "acme",
    permissions: { metadata: "read", contents: "read" },
    events: ["delete", "push", "repository"],
    // Nobody answers there: what counts is what was sent.
    webhookUrl: "http://127.0.0.1:9/hooks",
  });
  const installation = stage.github.install({ app, owner: "acme", repositories: "all" });
  const { place, sha } = await openPull();
  await stage.github.deleteBranch(place.full, "fix");
  await stage.github.forcePush(place.full, { branch: "main", sha });
  const [, old] = await stage.github.commits(place.full, "main");
  await stage.github.forcePush(place.full, { branch: "main", sha: old?.sha ?? "" });
  await stage.github.renameBranch(place.full, "main", "trunk");
  stage.github.renameRepository(place.full, `${place.repo}-new`);
  stage.github.transferRepository(`${place.full}-new`, "carol");
  await stage.github.drained();
  const heard = stage.github
    .deliveries()
    .map(({ event, body }) => ({ event, ...(JSON.parse(body) as { installation: { id: number } }) }))
    .filter((each) => each.installation.id === installation.id && "repository" in each);
  expect(heard).toMatchObject([
    { event: "repository", action: "created" },
    { event: "push", ref: "refs/heads/fix", created: true },
    { event: "push", ref: "refs/heads/fix", deleted: true },
    { event: "delete", ref: "fix", ref_type: "branch" },
    { event: "push", ref: "refs/heads/main", forced: false },
    { event: "push", ref: "refs/heads/main", forced: true },
    { event: "push", ref: "refs/heads/trunk", created: true },
    { event: "repository", action: "edited", changes: { default_branch: { from: "main" } } },
    { event: "push", ref: "refs/heads/main", deleted: true },
    { event: "delete", ref: "main" },
    { event: "repository", action: "renamed" },
  ]);
  stage.github.uninstall(installation);
});

describe("a repository that moved", () => {
  test("answers reads and writes under its old name by its id, and git by its new name", async () => {
    const { place, number } = await openPull();
    stage.github.renameRepository(place.full, `${place.repo}-new`);
    const plain = await fetch(`${stage.github.apiUrl}/repos/${place.full}`, {
      redirect: "manual",
      headers: { authorization: `token ${await stage.token()}`, "user-agent": "test" },
    });
    expect([plain.status, plain.headers.get("location")]).toEqual([
      301,
      `${stage.github.apiUrl}/repositories/${place.id}`,
    ]);
    const bot = await stage.asBot();
    const thread = { ...names(place), issue_number: number };
    expect((await bot.rest.issues.get(thread)).data.number).toBe(number);
    await bot.rest.issues.createComment({ ...thread, body: "Still here" });
    expect(stage.github.comments(`${place.full}-new`, number)).toMatchObject([{ body: "Still here" }]);
    const refused = await fetch(`${place.cloneUrl}/info/refs?service=git-upload-pack`, {
      redirect: "manual",
    });
    expect([refused.status, refused.headers.get("location")]).toEqual([
      301,
      `${stage.github.url}/${place.full}-new.git/info/refs?service=git-upload-pack`,
    ]);
    const folder = await stage.clone(place, stage.github.as("alice").token);
    expect((await git(folder, "rev-parse", "HEAD")).trim()).toHaveLength(40);
    const strict = git(
      stage.folder,
      "-c",
      "http.followRedirects=false",
      "clone",
      "-q",
      place.cloneUrl,
      join(stage.folder, "x"),
    );
    await expect(strict).rejects.toThrow(/redirect|301/);
  });
});

describe("much of it", () => {
  test("3,000 files and 5,000 comments are read to the end", async () => {
    const place = await stage.makeRepository();
    const many = Array.from({ length: 3000 }, (_, i): [string, string] => [`many/${i}.txt`, `${i}\n`]);
    await stage.github.commit(place.full, { branch: "fix", files: Object.fromEntries(many) });
    const input = { title: "Many", head: "fix", base: "main" };
    const { number } = await stage.github.as("alice").openPull(place.full, input);
    stage.github.addComments(place.full, number, {
      bodies: many
        .concat(many)
        .slice(0, 5000)
        .map(([path]) => path),
    });
    const bot = await stage.asBot();
    const started = performance.now();
    const pull = { ...names(place), pull_number: number, per_page: 100 };
    expect(await bot.paginate(bot.rest.pulls.listFiles, pull)).toHaveLength(3000);
    const listed = performance.now();
    const thread = { ...names(place), issue_number: number, per_page: 100 };
    expect(await bot.paginate(bot.rest.issues.listComments, thread)).toHaveLength(5000);
    const tookMs = { files: listed - started, comments: performance.now() - listed };
    expect(tookMs.files, JSON.stringify(tookMs)).toBeLessThan(30_000);
    expect(tookMs.comments, JSON.stringify(tookMs)).toBeLessThan(30_000);
  });
});
