import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Octokit } from "@octokit/rest";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { git, names, openStage, refusal, signJwt } from "./github-stage.ts";
import type { Place, Stage } from "./github-stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
// A test that provokes violations takes them away; what is left over is a fault of the stand-in or of the test.
afterEach(async () => {
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
});

describe("the whole way", () => {
  test("issue, comment, acknowledgement, clone, push, draft pull request, check, review and reply", async () => {
    const { github } = stage;
    const place = await stage.makeRepository({ private: true });
    github.setRole(place.full, "carol", "write");
    const carol = github.as("carol");
    const issue = await carol.createIssue(place.full, {
      title: "add subtracts",
      body: "Please fix",
      labels: ["bug"],
    });
    const asked = await carol.comment(place.full, issue.number, "/claude do it");

    const bot = await stage.asBot({ repositoryIds: [place.id] });
    const role = await bot.rest.repos.getCollaboratorPermissionLevel({ ...names(place), username: "carol" });
    expect(role.data).toMatchObject({ permission: "write", role_name: "write" });
    await bot.rest.reactions.createForIssueComment({
      ...names(place),
      comment_id: asked.id,
      content: "eyes",
    });
    const said = await bot.rest.issues.createComment({
      ...names(place),
      issue_number: issue.number,
      body: "working",
    });
    expect(said.data.user?.login).toBe("remote-claude[bot]");
    expect(said.data.user?.id).toBe(stage.app.botUserId);
    expect(said.data.performed_via_github_app?.id).toBe(stage.app.id);
    await bot.rest.issues.updateComment({ ...names(place), comment_id: said.data.id, body: "done" });

    const head = await pushFix(place, "claude/1-add-subtracts");
    const opened = await bot.rest.pulls.create({
      ...names(place),
      title: "Make add add",
      head: "claude/1-add-subtracts",
      base: "main",
      body: `Closes #${issue.number}`,
      draft: true,
    });
    expect(opened.data).toMatchObject({ number: 2, draft: true, additions: 1, deletions: 1, commits: 1 });
    expect(opened.data.head.sha).toBe(head);
    const check = await bot.rest.checks.create({ ...names(place), name: "claude", head_sha: head });
    await bot.rest.checks.update({ ...names(place), check_run_id: check.data.id, conclusion: "success" });

    const review = await carol.review(place.full, 2, {
      event: "REQUEST_CHANGES",
      comments: [{ path: "src/add.js", line: 1, body: "why?" }],
    });
    const comments = await bot.rest.pulls.listCommentsForReview({
      ...names(place),
      pull_number: 2,
      review_id: review.id,
    });
    const [inline] = comments.data;
    expect(inline).toMatchObject({ path: "src/add.js", body: "why?" });
    const reply = { ...names(place), pull_number: 2, comment_id: inline?.id ?? 0, body: "because" };
    expect((await bot.rest.pulls.createReplyForReviewComment(reply)).data.in_reply_to_id).toBe(inline?.id);

    const [pull] = await github.pullRequests(place.full);
    expect(pull).toMatchObject({
      number: 2,
      draft: true,
      head: "claude/1-add-subtracts",
      author: "remote-claude[bot]",
    });
    expect(pull?.files).toEqual([{ path: "src/add.js", additions: 1, deletions: 1, status: "modified" }]);
    expect(github.reactions(place.full, 1, asked.id)).toEqual([
      { user: "remote-claude[bot]", content: "eyes" },
    ]);
    expect(github.comments(place.full, 1).map(({ author, body }) => `${author}: ${body}`)).toEqual([
      "carol: /claude do it",
      "remote-claude[bot]: done",
    ]);
    expect(github.permissionsUsed()).toMatchObject({
      contents: "write",
      checks: "write",
      pull_requests: "write",
    });
    const page = await (await fetch(pull?.url ?? "")).text();
    expect(page).toContain("Make add add");
    expect(page).toContain("a + b");
  });

  async function pushFix(place: Place, branch: string): Promise<string> {
    const folder = await stage.clone(
      place,
      await stage.token({ repositoryIds: [place.id], permissions: { contents: "write" } }),
    );
    await git(folder, "checkout", "-qb", branch);
    await writeFile(join(folder, "src/add.js"), "export const add = (a, b) => a + b;\n");
    await git(folder, "commit", "-qam", "Make add add");
    await git(folder, "push", "-q", "origin", "HEAD");
    return (await git(folder, "rev-parse", "HEAD")).trim();
  }
});

describe("the App's JSON web token", () => {
  const nowS = Math.floor(Date.now() / 1000);
  test.each<[string, Record<string, unknown>, string]>([
    [
      "expired",
      { exp: nowS - 5 },
      "401 'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    ],
    [
      "living longer than ten minutes",
      { exp: nowS + 700 },
      "401 'Expiration time' claim ('exp') is too far in the future",
    ],
    [
      "issued in the future",
      { iat: nowS + 300 },
      "401 'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    ],
    ["of an unknown App", { iss: 1 }, "404 Integration not found"],
  ])("%s is refused", async (_name, claims, expected) => {
    expect(await refusal(stage.asApp(claims).rest.apps.getAuthenticated())).toBe(expected);
  });

  test("signed by another App's key is refused", async () => {
    const other = await stage.github.createApp({ name: "Other", permissions: {}, events: [] });
    const asApp = stage.asApp({}, other.privateKey);
    expect(await refusal(asApp.rest.apps.getAuthenticated())).toBe(
      "401 A JSON web token could not be decoded",
    );
  });

  test("opens only what is the App's: not people, not repositories", async () => {
    const place = await stage.makeRepository();
    expect(await refusal(stage.asApp().rest.users.getByUsername({ username: "alice" }))).toBe(
      "401 Bad credentials",
    );
    expect(await refusal(stage.asApp().rest.repos.get(names(place)))).toBe("401 Bad credentials");
    const bot = await stage.asBot();
    expect(await refusal(bot.rest.apps.getAuthenticated())).toBe("401 A JSON web token could not be decoded");
  });

  test("by client id is good", async () => {
    const app = await stage.asApp({ iss: stage.app.clientId }).rest.apps.getAuthenticated();
    expect(app.data).toMatchObject({ id: stage.app.id, slug: "remote-claude" });
    expect(signJwt({}, stage.app.privateKey).split(".")).toHaveLength(3);
  });
});

describe("installation tokens", () => {
  test("answer with the scope that was really granted", async () => {
    const place = await stage.makeRepository();
    const { data } = await stage.asApp().rest.apps.createInstallationAccessToken({
      installation_id: stage.installation.id,
      repository_ids: [place.id],
      permissions: { contents: "read" },
    });
    expect(data.permissions).toEqual({ contents: "read", metadata: "read" });
    expect(data.repositories?.map(({ id }) => id)).toEqual([place.id]);
    expect(data.repository_selection).toBe("selected");
  });

  test("of more than the installation has, or of a foreign repository, are refused", async () => {
    const foreign = await stage.makeRepository({ owner: "mallory" });
    expect(await refusal(stage.token({ permissions: { workflows: "write" } }))).toBe(
      "422 The permissions requested are not granted to this installation.",
    );
    expect(await refusal(stage.token({ repositoryIds: [foreign.id] }))).toMatch(
      /^422 There is at least one repository/,
    );
  });

  test("reach only their repositories, open nothing once revoked", async () => {
    const [mine, other] = [
      await stage.makeRepository({ private: true }),
      await stage.makeRepository({ private: true }),
    ];
    const bot = await stage.asBot({ repositoryIds: [mine.id] });
    expect(await refusal(bot.rest.repos.get(names(other)))).toBe("404 Not Found");
    const reachable = await bot.rest.apps.listReposAccessibleToInstallation();
    expect(reachable.data.repositories.map(({ id }) => id)).toEqual([mine.id]);
    await bot.rest.apps.revokeInstallationAccessToken();
    expect(await refusal(bot.rest.repos.get(names(mine)))).toBe("401 Bad credentials");
  });

  test("open nothing while the installation is suspended, nor after it is gone", async () => {
    const place = await stage.makeRepository();
    const other = await stage.github.createApp({
      name: "Passing",
      permissions: { issues: "read" },
      events: [],
    });
    const installation = stage.github.install({ app: other, owner: "acme", repositories: "all" });
    const asOther = stage.asApp({ iss: other.id }, other.privateKey);
    const minted = await asOther.rest.apps.createInstallationAccessToken({
      installation_id: installation.id,
    });
    const get = () => stage.github.as("alice").api("GET", `/repos/${place.full}`);
    const asked = async () => {
      const headers = { authorization: `token ${minted.data.token}`, "user-agent": "test" };
      const response = await fetch(`${stage.github.apiUrl}/repos/${place.full}`, { headers });
      return `${response.status} ${((await response.json()) as { message?: string }).message ?? ""}`;
    };
    stage.github.suspend(installation);
    expect(await asked()).toBe("403 This installation has been suspended");
    expect(
      await refusal(asOther.rest.apps.createInstallationAccessToken({ installation_id: installation.id })),
    ).toBe("403 This installation has been suspended");
    stage.github.unsuspend(installation);
    expect(await asked()).toBe("200 ");
    stage.github.uninstall(installation);
    expect(await asked()).toBe("401 Bad credentials");
    expect((await get()).status).toBe(200);
  });
});

describe("permissions", () => {
  type Attempt = (bot: Octokit, place: Place) => Promise<unknown>;
  const refused = "403 Resource not accessible by integration";
  test.each<[string, Record<string, "read" | "write">, Attempt]>([
    [
      "comment",
      { issues: "read" },
      (bot, place) => bot.rest.issues.createComment({ ...names(place), issue_number: 1, body: "x" }),
    ],
    [
      "comment on an issue with pull_requests only",
      { pull_requests: "write" },
      (bot, place) => bot.rest.issues.createComment({ ...names(place), issue_number: 1, body: "x" }),
    ],
    [
      "open a pull request",
      { contents: "write" },
      (bot, place) => bot.rest.pulls.create({ ...names(place), title: "x", head: "a", base: "main" }),
    ],
    [
      "read a file",
      { issues: "write" },
      (bot, place) => bot.rest.repos.getContent({ ...names(place), path: "README.md" }),
    ],
    [
      "make a branch",
      { contents: "read" },
      (bot, place) => bot.rest.git.createRef({ ...names(place), ref: "refs/heads/a", sha: "0".repeat(40) }),
    ],
    [
      "make a check",
      { contents: "write" },
      (bot, place) => bot.rest.checks.create({ ...names(place), name: "a", head_sha: "0".repeat(40) }),
    ],
  ])("%s: refused without it", async (_name, permissions, attempt) => {
    const place = await stage.makeRepository();
    await stage.github.as("alice").createIssue(place.full, { title: "An issue" });
    expect(await refusal(attempt(await stage.asBot({ permissions }), place))).toBe(refused);
  });

  test("the refusal names what was needed", async () => {
    const place = await stage.makeRepository();
    const bot = await stage.asBot({ permissions: { issues: "read" } });
    const error = await bot.rest.issues
      .createLabel({ ...names(place), name: "x" })
      .catch((thrown: unknown) => thrown);
    const { headers } = (error as { response: { headers: Record<string, string> } }).response;
    expect(headers["x-accepted-github-permissions"]).toBe("issues=write; pull_requests=write");
  });

  test("other people's repositories: a public one can be read, not written; a private one is not there", async () => {
    const open = await stage.makeRepository({ owner: "mallory" });
    const closed = await stage.makeRepository({ owner: "mallory", private: true });
    const bot = await stage.asBot();
    expect((await bot.rest.repos.get(names(open))).data.full_name).toBe(open.full);
    expect(await refusal(bot.rest.issues.create({ ...names(open), title: "x" }))).toBe(refused);
    expect(await refusal(bot.rest.repos.get(names(closed)))).toBe("404 Not Found");
  });

  test("people: anybody comments in public, nobody labels without triage, strangers see nothing private", async () => {
    const [open, closed] = [await stage.makeRepository(), await stage.makeRepository({ private: true })];
    await stage.github.as("alice").createIssue(open.full, { title: "Public" });
    const mallory = stage.github.as("mallory");
    await mallory.comment(open.full, 1, "me too");
    const labels = await mallory.api("POST", `/repos/${open.full}/issues/1/labels`, { labels: ["bug"] });
    expect(labels.status).toBe(403);
    expect((await mallory.api("GET", `/repos/${closed.full}`)).status).toBe(404);
    expect((await stage.github.as("bob").api("GET", `/repos/${closed.full}`)).status).toBe(200);
    const { data } = await (
      await stage.asBot()
    ).rest.issues.listComments({ ...names(open), issue_number: 1 });
    expect(data.map(({ author_association }) => author_association)).toEqual(["NONE"]);
  });

  test.each([
    ["maintain", "write"],
    ["triage", "read"],
    ["admin", "admin"],
    ["read", "read"],
  ] as const)("role %s is told as permission %s", async (role, permission) => {
    const place = await stage.makeRepository({ private: true });
    stage.github.setRole(place.full, "carol", role);
    const bot = await stage.asBot();
    const { data } = await bot.rest.repos.getCollaboratorPermissionLevel({
      ...names(place),
      username: "carol",
    });
    expect(data).toMatchObject({ permission, role_name: role });
    const stranger = await bot.rest.repos.getCollaboratorPermissionLevel({
      ...names(place),
      username: "mallory",
    });
    expect(stranger.data.permission).toBe("none");
  });
});

describe("conversations", () => {
  test("a body of 65,536 characters is taken, one more is not, a blank one neither", async () => {
    const place = await stage.makeRepository();
    const bot = await stage.asBot();
    await bot.rest.issues.create({ ...names(place), title: "Long" });
    const say = (body: string) => bot.rest.issues.createComment({ ...names(place), issue_number: 1, body });
    expect((await say("é".repeat(65_536))).status).toBe(201);
    expect(await refusal(say("é".repeat(65_537)))).toMatch(/^422 .*too long \(maximum is 65536 characters\)/);
    expect(await refusal(say("  "))).toMatch(/^422 /);
  });

  test("locked: refused; closed: taken; deleted: gone", async () => {
    const place = await stage.makeRepository();
    const alice = stage.github.as("alice");
    const bot = await stage.asBot();
    for (const title of ["locked", "closed", "deleted"]) await alice.createIssue(place.full, { title });
    const say = (number: number) =>
      bot.rest.issues.createComment({ ...names(place), issue_number: number, body: "x" });
    await alice.lockIssue(place.full, 1);
    expect(await refusal(say(1))).toBe("403 Unable to create comment because issue is locked.");
    await alice.closeIssue(place.full, 2);
    expect((await say(2)).status).toBe(201);
    await alice.deleteIssue(place.full, 3);
    expect(await refusal(bot.rest.issues.get({ ...names(place), issue_number: 3 }))).toBe(
      "410 This issue was deleted",
    );
  });

  test("the same reaction twice is one; only its author takes it back", async () => {
    const place = await stage.makeRepository();
    await stage.github.as("alice").createIssue(place.full, { title: "x" });
    const bot = await stage.asBot();
    const react = () =>
      bot.rest.reactions.createForIssue({ ...names(place), issue_number: 1, content: "rocket" });
    const first = await react();
    const effects = stage.github.effects.length;
    const second = await react();
    expect([first.status, second.status as number, second.data.id]).toEqual([201, 200, first.data.id]);
    expect(stage.github.effects).toHaveLength(effects);
    const path = `/repos/${place.full}/issues/1/reactions/${first.data.id}`;
    expect((await stage.github.as("alice").api("DELETE", path)).status).toBe(403);
    await bot.rest.reactions.deleteForIssue({ ...names(place), issue_number: 1, reaction_id: first.data.id });
    expect(stage.github.reactions(place.full, 1)).toEqual([]);
  });

  test("labels and assignees: made, put on, taken off; strangers are not assigned", async () => {
    const place = await stage.makeRepository();
    const bot = await stage.asBot();
    const at = { ...names(place), issue_number: 1 };
    await bot.rest.issues.create({ ...names(place), title: "x" });
    await bot.rest.issues.createLabel({ ...names(place), name: "claude", color: "d97757" });
    expect(await refusal(bot.rest.issues.createLabel({ ...names(place), name: "Claude" }))).toMatch(
      /^422 Validation/,
    );
    await bot.rest.issues.addLabels({ ...at, labels: ["claude", "bug"] });
    await bot.rest.issues.removeLabel({ ...at, name: "bug" });
    expect(await refusal(bot.rest.issues.removeLabel({ ...at, name: "bug" }))).toBe(
      "404 Label does not exist",
    );
    await bot.rest.issues.addAssignees({ ...at, assignees: ["bob", "mallory"] });
    expect(stage.github.issue(place.full, 1)).toMatchObject({ labels: ["claude"], assignees: ["bob"] });
  });

  test("lists come in pages with a Link header", async () => {
    const place = await stage.makeRepository();
    const alice = stage.github.as("alice");
    await alice.createIssue(place.full, { title: "x" });
    for (let i = 0; i < 5; i += 1) await alice.comment(place.full, 1, `comment ${i}`);
    const bot = await stage.asBot();
    const at = { ...names(place), issue_number: 1, per_page: 2 };
    const first = await bot.rest.issues.listComments(at);
    expect(first.data).toHaveLength(2);
    expect(first.headers.link).toMatch(/page=2.*rel="next".*page=3.*rel="last"/);
    const all = await bot.paginate(bot.rest.issues.listComments, at);
    expect(all.map(({ body }) => body)).toEqual([0, 1, 2, 3, 4].map((i) => `comment ${i}`));
    expect(first.headers["x-ratelimit-limit"]).toBe("5000");
    expect(first.headers["x-github-request-id"]).toBeTruthy();
  });

  test("an unchanged answer is 304 for its ETag", async () => {
    const place = await stage.makeRepository();
    const bot = await stage.asBot();
    const { headers } = await bot.rest.repos.get(names(place));
    const again = bot.request("GET /repos/{owner}/{repo}", {
      ...names(place),
      headers: { "if-none-match": headers.etag ?? "" },
    });
    expect(await refusal(again)).toMatch(/^304/);
  });
});

describe("repositories", () => {
  test("content: raw, as JSON, a folder, not there, empty repository", async () => {
    const place = await stage.makeRepository();
    const bot = await stage.asBot();
    const read = (path: string) => bot.rest.repos.getContent({ ...names(place), path });
    const raw = await bot.rest.repos.getContent({
      ...names(place),
      path: "src/add.js",
      mediaType: { format: "raw" },
    });
    expect(raw.data).toBe("export const add = (a, b) => a - b;\n");
    const json = (await read("README.md")).data as { content: string; encoding: string };
    expect(Buffer.from(json.content, "base64").toString()).toBe("# Widgets\n");
    expect(((await read("src")).data as { path: string }[]).map(({ path }) => path)).toEqual(["src/add.js"]);
    expect(await refusal(read("nothing"))).toBe("404 Not Found");
    const empty = await stage.makeRepository({ empty: true });
    const none = bot.rest.repos.getContent({ ...names(empty), path: "README.md" });
    expect(await refusal(none)).toBe("404 This repository is empty.");
  });

  test("branches, refs, commits and comparison come from git", async () => {
    const place = await stage.makeRepository();
    const sha = await stage.github.commit(place.full, {
      branch: "feature/one",
      files: { "src/new.js": "1\n" },
    });
    stage.github.protectBranch(place.full, "main");
    const bot = await stage.asBot();
    const { data: branch } = await bot.rest.repos.getBranch({ ...names(place), branch: "feature/one" });
    expect([branch.commit.sha, branch.protected]).toEqual([sha, false]);
    const { data: branches } = await bot.rest.repos.listBranches(names(place));
    expect(branches.map((item) => [item.name, item.protected])).toEqual([
      ["feature/one", false],
      ["main", true],
    ]);
    expect((await bot.rest.git.getRef({ ...names(place), ref: "heads/feature/one" })).data.object.sha).toBe(
      sha,
    );
    expect((await bot.rest.git.listMatchingRefs({ ...names(place), ref: "heads/feat" })).data).toHaveLength(
      1,
    );
    const { data: compared } = await bot.rest.repos.compareCommitsWithBasehead({
      ...names(place),
      basehead: "main...feature/one",
    });
    expect(compared).toMatchObject({ status: "ahead", ahead_by: 1, behind_by: 0 });
    expect(compared.files?.map(({ filename }) => filename)).toEqual(["src/new.js"]);
    const { data: commit } = await bot.rest.repos.getCommit({ ...names(place), ref: sha });
    expect(commit.stats).toMatchObject({ additions: 1, deletions: 0 });
    expect((await bot.rest.git.getCommit({ ...names(place), commit_sha: sha })).data.message).toBe("Change");
  });

  test("refs are made, moved forward, not sideways without force, and deleted", async () => {
    const place = await stage.makeRepository();
    const bot = await stage.asBot();
    const [first = ""] = (await stage.github.commits(place.full, "main")).map(({ sha }) => sha);
    const ref = { ...names(place), ref: "heads/claude/x" };
    await bot.rest.git.createRef({ ...names(place), ref: "refs/heads/claude/x", sha: first });
    const again = bot.rest.git.createRef({ ...names(place), ref: "refs/heads/claude/x", sha: first });
    expect(await refusal(again)).toBe("422 Reference already exists");
    const later = await stage.github.commit(place.full, { branch: "main", files: { "a.txt": "a\n" } });
    await bot.rest.git.updateRef({ ...ref, sha: later });
    expect(await refusal(bot.rest.git.updateRef({ ...ref, sha: first }))).toBe(
      "422 Update is not a fast forward",
    );
    await bot.rest.git.updateRef({ ...ref, sha: first, force: true });
    await bot.rest.git.deleteRef(ref);
    expect(await refusal(bot.rest.git.getRef(ref))).toBe("404 Not Found");
  });

  test("a renamed repository is found by its id, and by its old name through a redirect", async () => {
    const place = await stage.makeRepository();
    stage.github.renameRepository(place.full, `${place.repo}-new`);
    const bot = await stage.asBot();
    expect((await bot.rest.repos.get(names(place))).data.name).toBe(`${place.repo}-new`);
    const byId = await bot.request(`GET /repositories/${place.id}`);
    expect((byId.data as { full_name: string }).full_name).toBe(`${place.full}-new`);
  });
});

describe("pull requests", () => {
  async function withBranch(): Promise<{ place: Place; bot: Octokit }> {
    const place = await stage.makeRepository();
    await stage.github.commit(place.full, { branch: "claude/1", files: { "src/new.js": "1\n2\n" } });
    return { place, bot: await stage.asBot() };
  }

  test.each([
    ["from a branch that is not there", { head: "nowhere", base: "main" }, "422 Validation Failed"],
    ["onto a branch that is not there", { head: "claude/1", base: "nowhere" }, "422 Validation Failed"],
    [
      "without commits",
      { head: "main", base: "main" },
      "422 Validation Failed: No commits between main and main",
    ],
  ])("%s is refused", async (_name, sides, expected) => {
    const { place, bot } = await withBranch();
    expect(await refusal(bot.rest.pulls.create({ ...names(place), title: "x", ...sides }))).toBe(expected);
  });

  test("one for each branch; found by head; the diff is git's", async () => {
    const { place, bot } = await withBranch();
    const create = () =>
      bot.rest.pulls.create({ ...names(place), title: "x", head: "claude/1", base: "main", draft: true });
    const attempts = await Promise.allSettled([create(), create()]);
    expect(attempts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await refusal(create())).toBe(
      "422 Validation Failed: A pull request already exists for acme:claude/1.",
    );
    const found = await bot.rest.pulls.list({ ...names(place), head: "acme:claude/1", state: "open" });
    expect(found.data.map(({ number, draft }) => [number, draft])).toEqual([[1, true]]);
    expect((await bot.rest.pulls.list({ ...names(place), head: "acme:other" })).data).toEqual([]);
    const diff = await bot.rest.pulls.get({ ...names(place), pull_number: 1, mediaType: { format: "diff" } });
    expect(diff.data as unknown).toContain("+++ b/src/new.js");
    expect((await bot.rest.pulls.listCommits({ ...names(place), pull_number: 1 })).data).toHaveLength(1);
  });

  test("follows its branch, closes with it, and does not open again without it", async () => {
    const { place, bot } = await withBranch();
    await bot.rest.pulls.create({ ...names(place), title: "x", head: "claude/1", base: "main" });
    const sha = await stage.github.commit(place.full, {
      branch: "claude/1",
      files: { "src/more.js": "3\n" },
    });
    const at = { ...names(place), pull_number: 1 };
    expect((await bot.rest.pulls.get(at)).data.head.sha).toBe(sha);
    expect((await bot.rest.pulls.listFiles(at)).data.map(({ filename }) => filename)).toEqual([
      "src/more.js",
      "src/new.js",
    ]);
    await bot.rest.git.deleteRef({ ...names(place), ref: "heads/claude/1" });
    expect((await bot.rest.pulls.get(at)).data.state).toBe("closed");
    expect(await refusal(bot.rest.pulls.update({ ...at, state: "open" }))).toMatch(/^422 .*has been deleted/);
  });

  test("is merged by a person, and closes what it says it closes", async () => {
    const { place, bot } = await withBranch();
    const alice = stage.github.as("alice");
    const issue = await alice.createIssue(place.full, { title: "to be done" });
    const sides = { head: "claude/1", base: "main", body: `Closes #${issue.number}` };
    const opened = await bot.rest.pulls.create({ ...names(place), title: "x", draft: true, ...sides });
    const merge = () => alice.api("PUT", `/repos/${place.full}/pulls/${opened.data.number}/merge`);
    expect((await merge()).status).toBe(405);
    await alice.closeIssue(place.full, opened.data.number);
    await bot.rest.pulls.create({ ...names(place), title: "x", ...sides });
    await alice.merge(place.full, 3);
    expect(stage.github.issue(place.full, issue.number).state).toBe("closed");
    expect(await stage.github.show(place.full, "main", "src/new.js")).toBe("1\n2\n");
    const { data } = await bot.rest.pulls.get({ ...names(place), pull_number: 3 });
    expect(data).toMatchObject({ merged: true, state: "closed", merged_by: { login: "alice" } });
  });

  test("reviews: inline comments stand in the diff, nobody approves their own, reviewers are collaborators", async () => {
    const { place, bot } = await withBranch();
    await bot.rest.pulls.create({ ...names(place), title: "x", head: "claude/1", base: "main" });
    const at = { ...names(place), pull_number: 1 };
    expect(await refusal(bot.rest.pulls.createReview({ ...at, event: "APPROVE" }))).toBe(
      "422 Can not approve your own pull request",
    );
    const outside = {
      ...at,
      event: "COMMENT" as const,
      comments: [{ path: "src/new.js", line: 9, body: "x" }],
    };
    expect(await refusal(bot.rest.pulls.createReview(outside))).toMatch(/^422 .*part of the diff/);
    expect(await refusal(bot.rest.pulls.requestReviewers({ ...at, reviewers: ["mallory"] }))).toMatch(
      /^422 .*collaborators/,
    );
    stage.github.setRole(place.full, "carol", "write");
    await bot.rest.pulls.requestReviewers({ ...at, reviewers: ["carol"] });
    const inline = await stage.github
      .as("carol")
      .reviewComment(place.full, 1, { path: "src/new.js", line: 2, body: "hm" });
    const { data } = await bot.rest.pulls.getReviewComment({ ...names(place), comment_id: inline.id });
    expect(data.diff_hunk).toBe("@@ -0,0 +1,2 @@\n+1\n+2");
    const react = { ...names(place), comment_id: inline.id, content: "eyes" as const };
    expect((await bot.rest.reactions.createForPullRequestReviewComment(react)).status).toBe(201);
    expect((await bot.rest.pulls.listReviews(at)).data.map(({ state }) => state)).toEqual(["COMMENTED"]);
  });
});
