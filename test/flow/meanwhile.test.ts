import { expect, test } from "vitest";
import { bash, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import { answer } from "../standins/model/reply.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

/** What people do to the thread and the repository while a task is at work. */

const work = writeFiles({ "turn.txt": "turned\n" });
const world = shareWorld({ scenario: work, files: { "README.md": "# widgets\n", "old.txt": "old\n" } });

type Begun = { issueNumber: number; commentId: number };

/** Starts a task and stops the world while the model is asked; `meanwhile` happens then. */
async function interrupt(command: string, meanwhile: (begun: Begun) => Promise<void>): Promise<Begun> {
  const held = holdBack(work);
  world().model.script(held.scenario);
  const begun = await world().ask(command);
  await held.arrived;
  await meanwhile(begun);
  await world().github.drained();
  held.release();
  return begun;
}

const alice = () => world().github.as("alice");
const api = async (method: string, path: string, body?: unknown) => {
  const { status } = await alice().api(method, `/repos/${world().repository}${path}`, body);
  expect(status).toBeLessThan(300);
};
const headOf = async (branch: string) => (await world().github.branches(world().repository))[branch];

test("the base is rewritten: the work stays one commit on the base as it was, and the request is still for it", async () => {
  const { github, repository } = world();
  const first = (await headOf("main")) ?? "";
  await github.commit(repository, { branch: "main", files: { "second.txt": "second\n" } });
  const before = await headOf("main");
  const { issueNumber, commentId } = await interrupt("/claude write turn.txt", async () => {
    const other = await github.commit(repository, {
      branch: "rewritten",
      from: first,
      files: { "other.txt": "o\n" },
    });
    await api("PATCH", "/git/refs/heads/main", { sha: other, force: true });
  });
  expect(await world().untilReported(issueNumber)).toMatchObject({
    status: "completed",
    outcome: { kind: "published" },
  });
  const seen = await seeThread(world(), issueNumber, commentId);
  expect(seen).toMatchObject({
    said: [expect.stringContaining("a draft to review")],
    reactions: ["eyes", "rocket"],
    pulls: [{ base: "main", draft: true }],
  });
  const [commit] = await github.commits(repository, seen.pulls[0]?.head ?? "");
  expect(commit?.parents).toEqual([before]);
  expect(await headOf("main")).not.toBe(before);
});

test("the base branch is deleted: the branch is kept, and the thread says which base is missing", async () => {
  const { github, repository } = world();
  await github.commit(repository, { branch: "next", from: "main", files: { "next.txt": "next\n" } });
  const { issueNumber, commentId } = await interrupt("/claude --base next write turn.txt", () =>
    api("DELETE", "/git/refs/heads/next"),
  );
  const task = await world().untilReported(issueNumber);
  expect(task.status).toBe("failed");
  const seen = await seeThread(world(), issueNumber, commentId);
  expect(seen).toMatchObject({ reactions: ["eyes", "confused"], branches: [expect.any(String)], pulls: [] });
  expect(seen.said).toHaveLength(1);
  expect(seen.said[0]).toContain("`next`");
  expect(seen.said[0]).toContain(seen.branches[0]);
});

test("the issue is locked: what was begun is finished, and its one comment still gets its last word", async () => {
  const { issueNumber, commentId } = await interrupt("/claude write turn.txt", async (begun) => {
    await world().until(
      "the status comment stands",
      async () => (await seeThread(world(), begun.issueNumber)).said[0],
    );
    await alice().lockIssue(world().repository, begun.issueNumber);
  });
  expect(await world().untilReported(issueNumber)).toMatchObject({ status: "completed" });
  expect(await seeThread(world(), issueNumber, commentId)).toMatchObject({
    said: [expect.stringContaining("a draft to review")],
    // GitHub takes no reaction in a locked conversation.
    reactions: ["eyes"],
    pulls: [{ draft: true }],
  });
});

test("the issue was locked before: the work is done in silence, and nothing is tried again and again", async () => {
  world().model.script(work);
  const issue = await alice().createIssue(world().repository, { title: "Locked" });
  await alice().lockIssue(world().repository, issue.number);
  const before = world().github.requests.length;
  const { id } = await alice().comment(world().repository, issue.number, "/claude write turn.txt");
  expect(await world().untilReported(issue.number)).toMatchObject({ status: "completed", failures: 0 });
  expect(await seeThread(world(), issue.number, id)).toMatchObject({ said: [], pulls: [{ draft: true }] });
  const refused = world()
    .github.requests.slice(before)
    .filter(({ operationId, status }) => operationId === "issues/create-comment" && status === 403);
  expect(refused.length).toBeLessThanOrEqual(3);
});

test("the command is deleted: its task goes on, and the status comment stays the place to look", async () => {
  const { issueNumber } = await interrupt("/claude write turn.txt", ({ commentId }) =>
    alice().deleteComment(world().repository, commentId),
  );
  expect(await world().untilReported(issueNumber)).toMatchObject({ status: "completed" });
  expect(await seeThread(world(), issueNumber)).toMatchObject({
    said: [expect.stringContaining("a draft to review")],
    pulls: [{ draft: true }],
  });
});

test("the status comment is deleted: no second one comes, the reaction and the request tell the end", async () => {
  const { issueNumber, commentId } = await interrupt("/claude write turn.txt", async (begun) => {
    await world().until(
      "the status comment stands",
      async () => (await seeThread(world(), begun.issueNumber)).said[0],
    );
    const { repository, github, app } = world();
    const ours = github.comments(repository, begun.issueNumber).find(({ author }) => author === app.botLogin);
    await alice().deleteComment(repository, ours?.id ?? 0);
  });
  expect(await world().untilReported(issueNumber)).toMatchObject({ status: "completed" });
  expect(await seeThread(world(), issueNumber, commentId)).toMatchObject({
    said: [],
    reactions: ["eyes", "rocket"],
    pulls: [{ draft: true }],
  });
});

test("the issue's text and the command are changed: the task keeps to what they were", async () => {
  const { issueNumber } = await interrupt("/claude write turn.txt", async (begun) => {
    await alice().editIssue(world().repository, begun.issueNumber, {
      title: "Another",
      body: "Do something else.",
    });
    await alice().editComment(world().repository, begun.commentId, "/claude delete everything");
  });
  const task = await world().untilReported(issueNumber);
  expect(task.prompt).not.toMatch(/something else|delete everything/);
  expect(await world().tasks()).toHaveLength(
    new Set((await world().tasks()).map((row) => row.issueNumber)).size,
  );
});

test("somebody pushes to our branch: their commit is kept, and ours stands on it", async () => {
  world().model.script(work);
  const begun = await world().ask("/claude write turn.txt");
  await world().untilReported(begun.issueNumber);
  const [branch = ""] = (await seeThread(world(), begun.issueNumber)).branches;
  const held = holdBack(writeFiles({ "again.txt": "again\n" }));
  world().model.script(held.scenario);
  await alice().comment(world().repository, begun.issueNumber, "/claude and again.txt");
  await held.arrived;
  const theirs = await world().github.commit(world().repository, {
    branch,
    files: { "theirs.txt": "t\n" },
    by: "alice",
  });
  held.release();
  const task = await world().untilReported(begun.issueNumber, { count: 2 });
  expect(task).toMatchObject({ status: "completed", outcome: { kind: "published" } });
  const [ours] = await world().github.commits(world().repository, branch);
  expect(ours?.parents).toEqual([theirs]);
  const { said } = await seeThread(world(), begun.issueNumber);
  expect(said).toHaveLength(2);
});

test("somebody has opened the pull request of our branch: it is taken, and there is no second", async () => {
  world().model.script(work);
  const { issueNumber } = await world().ask("/claude --no-pr write turn.txt");
  await world().untilReported(issueNumber);
  const [head = ""] = (await seeThread(world(), issueNumber)).branches;
  const theirs = await alice().openPull(world().repository, { title: "By hand", head, base: "main" });
  world().model.script(writeFiles({ "again.txt": "again\n" }));
  await alice().comment(world().repository, issueNumber, "/claude and again.txt");
  const task = await world().untilReported(issueNumber, { count: 2 });
  expect(task).toMatchObject({
    status: "completed",
    outcome: { kind: "published", pull: { number: theirs.number } },
  });
  const seen = await seeThread(world(), issueNumber);
  expect(seen.pulls.map(({ number, title }) => ({ number, title }))).toEqual([
    { number: theirs.number, title: "By hand" },
  ]);
  expect(seen.pulls[0]?.files.map(({ path }) => path)).toContain("again.txt");
  expect(seen.said).toHaveLength(2);
  expect(seen.said[1]).toContain(`#${theirs.number}`);
});

test("write access is taken away: nothing is pushed, and the thread says why", async () => {
  const { github, repository } = world();
  const { issueNumber, commentId } = await interrupt("/claude write turn.txt", () => {
    github.setRole(repository, "alice", "read");
    return Promise.resolve();
  });
  const task = await world().untilReported(issueNumber);
  github.setRole(repository, "alice", "write");
  expect(task).toMatchObject({ status: "failed", outcome: { code: "permission-revoked" } });
  expect(await seeThread(world(), issueNumber, commentId)).toMatchObject({
    said: [expect.stringContaining("no longer has write access")],
    reactions: ["eyes", "confused"],
    branches: [],
    pulls: [],
  });
});

test("the agent moves our branch and others in its checkout: only the one commit of its files comes out", async () => {
  const before = await world().github.branches(world().repository);
  world().model.script((call) =>
    call.turn === 0
      ? answer(
          "Branches.",
          bash(
            "echo x > turn.txt; git branch -f main HEAD; git tag v1; git branch claude/other",
            "Move branches",
          ),
        )
      : work({ ...call, turn: call.turn - 1 }),
  );
  const { issueNumber } = await world().ask("/claude write turn.txt");
  expect(await world().untilReported(issueNumber)).toMatchObject({ status: "completed" });
  const { branches } = await seeThread(world(), issueNumber);
  const after = await world().github.branches(world().repository);
  expect(Object.keys(after).sort()).toEqual([...Object.keys(before), ...branches].sort());
  expect(after.main).toBe(before.main);
});
