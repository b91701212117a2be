import { expect, onTestFinished, test } from "vitest";
import { eq } from "drizzle-orm";
import { delivery } from "../../db/schema.ts";
import { frozenContext } from "../../src/tasks/frozen-context.ts";
import type { Conclusion } from "../standins/github/checks-makers.ts";
import type { Scenario } from "../standins/model/reply.ts";
import { changeNothing, holdBack, writeFiles } from "../standins/model/scenarios.ts";
import type { TaskRow } from "../support/world.ts";
import { shareWorld } from "./share-world.ts";

const outcomes: { sessionId: string; outcome: string }[] = [];
const prompts: string[] = [];

/** Every prompt gets a file of its own, so that every task pushes. */
const anotherFile: Scenario = (call) => {
  if (!prompts.includes(call.prompt)) prompts.push(call.prompt);
  const name = `turn-${prompts.indexOf(call.prompt)}.txt`;
  return writeFiles({ [name]: `${name}\n` })(call);
};

const open = shareWorld({
  scenario: anotherFile,
  env: { LOG_LEVEL: "info" },
  logTo: {
    write(line) {
      const { outcome, sessionId, msg } = JSON.parse(line) as Record<string, unknown>;
      if (msg === "checks looked at" && typeof outcome === "string" && typeof sessionId === "string")
        outcomes.push({ outcome, sessionId });
    },
  },
});

const alice = () => open().github.as("alice");
const repository = () => open().repository;

type Ours = { number: number; branch: string; sessionId: string; head(): Promise<string>; base: string };

async function ourPull(): Promise<Ours> {
  const { issueNumber } = await open().ask("/claude write a file");
  const first = await open().untilReported(issueNumber);
  const find = async () => {
    const pulls = await open().github.pullRequests(repository());
    const pull = pulls.find(({ head }) => head.startsWith(`claude/${issueNumber}-`));
    if (pull === undefined) throw new Error("the first task made no pull request");
    return pull;
  };
  const { number, head: branch } = await find();
  const { body } = await alice().api("GET", `/repos/${repository()}/pulls/${number}`);
  const { base } = body as { base: { sha: string } };
  const head = async () => {
    const { body } = await alice().api("GET", `/repos/${repository()}/pulls/${number}`);
    return (body as { head: { sha: string } }).head.sha;
  };
  return { number, branch, sessionId: first.sessionId, head, base: base.sha };
}

type Said = { name?: string; conclusion?: Conclusion; workflow?: string; app?: string };

/** CI says this of a commit: first all checks run, then those that have a conclusion end. */
async function ciSays(sha: string, checks: readonly Said[]): Promise<{ id: number; suiteId: number }[]> {
  const { github } = open();
  const begun = [];
  for (const { conclusion, name = "test", ...check } of checks) {
    const run = await github.createCheck(repository(), { headSha: sha, name, ...check });
    begun.push({ run, conclusion });
  }
  for (const { run, conclusion } of begun) {
    if (conclusion === undefined) continue;
    const output = conclusion === "failure" ? { output: { title: "It failed", summary: "1 != 2" } } : {};
    github.completeCheck(repository(), run.id, { conclusion, ...output });
  }
  return begun.map(({ run }) => run);
}

/** Every delivery so far has been handled. */
async function untilHandled(): Promise<void> {
  const { system } = open().database.database;
  await open().github.drained();
  await open().until("the deliveries are handled", async () => {
    const rest = await system.select({ id: delivery.id }).from(delivery).where(eq(delivery.status, "queued"));
    return rest.length === 0;
  });
}

const looks = (ours: Ours) =>
  outcomes.filter(({ sessionId }) => sessionId === ours.sessionId).map(({ outcome }) => outcome);

/** CI says this, and what the look that follows comes to. */
async function lookAfter(ours: Ours, sha: string, checks: readonly Said[]): Promise<string> {
  const before = looks(ours).length;
  await ciSays(sha, checks);
  return open().until("the checks are looked at", () => Promise.resolve(looks(ours)[before]), 30_000);
}

const repairs = async (ours: Ours): Promise<TaskRow[]> =>
  (await open().tasks()).filter(
    ({ sessionId, trigger }) => sessionId === ours.sessionId && trigger === "checks",
  );

async function untilRepaired(ours: Ours, count: number): Promise<TaskRow> {
  return open().until(`repair ${count} is reported`, async () => {
    const rows = await repairs(ours);
    return rows.length >= count && rows.every(({ reportedAt }) => reportedAt !== null) ? rows[0] : null;
  });
}

const notes = (ours: Ours, kind: string) =>
  open()
    .github.comments(repository(), ours.number)
    .filter(({ body }) => body.includes(`<!-- remote-claude:${kind}:`));

const fails: Said = { conclusion: "failure" };
const passes: Said = { conclusion: "success" };

test("a failed check starts one repair, however many checks end at once; once green nothing more happens", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  const others = Array.from({ length: 19 }, (_, n) => ({ ...passes, name: `lint ${n}`, workflow: `L${n}` }));
  const [failed] = await ciSays(head, [fails, ...others]);
  const task = await untilRepaired(ours, 1);
  await untilHandled();
  expect(await repairs(ours)).toHaveLength(1);
  expect(task).toMatchObject({ verb: "fix-ci", requesterLogin: "alice", status: "completed" });
  expect(task.businessKey).toMatch(new RegExp(`^checks:${failed?.suiteId}:${head}:\\d+$`));
  expect(task.prompt).toContain('Check "test": failure');
  expect(task.prompt).toContain("1 != 2");
  expect(frozenContext.parse(task.context).checks).toMatchObject({ headSha: head, attempt: 1 });
  const next = await ours.head();
  expect(next).not.toBe(head);
  expect(await lookAfter(ours, next, [passes])).toBe("green");
  // Somebody runs the old commit's check again.
  expect(await lookAfter(ours, head, [fails])).toBe("green");
  expect(await repairs(ours)).toHaveLength(1);
  expect(notes(ours, "checks-note")).toEqual([]);
});

test("what fails while a task is at work is repaired as soon as that has ended", async () => {
  const ours = await ourPull();
  const held = holdBack(changeNothing());
  open().model.script(held.scenario);
  onTestFinished(() => open().model.script(anotherFile));
  await alice().comment(repository(), ours.number, "/claude look around");
  await held.arrived;
  expect(await lookAfter(ours, await ours.head(), [fails])).toBe("busy");
  held.release();
  // A look that was put off waits a minute at least.
  const [repair] = await open().until("a repair is made", async () => {
    const rows = await repairs(ours);
    return rows.length > 0 ? rows : null;
  });
  expect(repair).toMatchObject({ verb: "fix-ci" });
  await untilRepaired(ours, 1);
});

test("while a check still runs nothing is started", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  const slow = { name: "slow", workflow: "Slow" };
  expect(await lookAfter(ours, head, [slow, fails])).toBe("pending");
  expect(await repairs(ours)).toEqual([]);
});

test("what is flaky, or red on the base as well, gets one note and no repair", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  await ciSays(ours.base, [{ ...fails, name: "red before" }]);
  expect(await lookAfter(ours, head, [{ ...passes, name: "wobbly" }])).toBe("green");
  const red = [
    { ...fails, name: "wobbly" },
    { ...fails, name: "red before" },
  ];
  expect(await lookAfter(ours, head, red)).toBe("not-ours-to-mend");
  expect(await lookAfter(ours, head, red)).toBe("not-ours-to-mend");
  const [note, ...others] = notes(ours, "checks-note");
  expect(others).toEqual([]);
  expect(note?.body).toContain("wobbly");
  expect(note?.body).toContain("has also passed on this very commit");
  expect(note?.body).toContain("fails on the base branch as well");
  expect(await repairs(ours)).toEqual([]);
});

test("a check that fails for ever is repaired three times, then one note says what was tried, until a person says something", async () => {
  const ours = await ourPull();
  for (let count = 1; count <= 3; count++) {
    expect(await lookAfter(ours, await ours.head(), [fails])).toBe("repair-started");
    await untilRepaired(ours, count);
  }
  const head = await ours.head();
  expect(await lookAfter(ours, head, [fails])).toBe("stopped");
  expect(await lookAfter(ours, head, [fails])).toBe("stopped");
  const [note, ...others] = notes(ours, "checks-stop");
  expect(others).toEqual([]);
  expect(note?.body).toContain("still fail after 3 repairs");
  expect(await repairs(ours)).toHaveLength(3);
  await alice().comment(repository(), ours.number, "/claude try another way");
  await open().untilReported(ours.number, { count: 4 });
  const after = await ours.head();
  expect(after).not.toBe(head);
  expect(await lookAfter(ours, after, [fails])).toBe("repair-started");
  await untilRepaired(ours, 4);
}, 180_000);

const said = (ours: Ours, words: string) =>
  open().until(`it says ${words}`, () =>
    Promise.resolve(notes(ours, "reply").some(({ body }) => body.includes(words))),
  );

test("autofix off, a person who may no longer write, and our own checks start nothing", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  open().github.setRole(repository(), "alice", "read");
  try {
    expect(await lookAfter(ours, head, [fails])).toBe("no-write-access");
  } finally {
    open().github.setRole(repository(), "alice", "write");
  }
  await alice().comment(repository(), ours.number, "/claude autofix off");
  await said(ours, "Autofix is off");
  const before = looks(ours).length;
  await ciSays(head, [{ ...fails, app: open().app.slug }]);
  await untilHandled();
  expect(looks(ours)).toHaveLength(before);
  expect(await lookAfter(ours, head, [fails])).toBe("autofix-off");
  expect(looks(ours)).toHaveLength(before + 1);
  expect(await repairs(ours)).toEqual([]);
});

test("a CI without checks is heard by its statuses", async () => {
  const ours = await ourPull();
  const status = { state: "failure", context: "ci/classic", description: "2 tests failed" } as const;
  await open().github.setStatus(repository(), await ours.head(), status);
  const task = await untilRepaired(ours, 1);
  expect(task.prompt).toContain('Check "ci/classic": failure');
});

test("fix-ci without a failure starts nothing and says why; with one it starts at once", async () => {
  const ours = await ourPull();
  const head = await ours.head();
  await alice().comment(repository(), ours.number, "/claude autofix off");
  await said(ours, "Autofix is off");
  const [slow] = await ciSays(head, [{ name: "slow" }]);
  await alice().comment(repository(), ours.number, "/claude fix-ci");
  await said(ours, "slow still runs");
  open().github.completeCheck(repository(), slow?.id ?? 0, { conclusion: "success" });
  await alice().comment(repository(), ours.number, "/claude fix-ci");
  await said(ours, "there is nothing to repair");
  await ciSays(head, [fails]);
  await alice().comment(repository(), ours.number, "/claude fix-ci the fixture is wrong");
  const task = await open().untilReported(ours.number);
  expect(task).toMatchObject({ verb: "fix-ci", trigger: "comment", instruction: "the fixture is wrong" });
  expect(task.prompt).toContain('Check "test": failure');
});
