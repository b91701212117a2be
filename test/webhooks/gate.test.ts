import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { delivery, installation, task } from "../../db/schema.ts";
import { handlers } from "../../src/app.ts";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { UserError } from "../../src/errors.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import { openQueue, type Queue } from "../../src/queue/queue.ts";
import { readAppManifest } from "../../src/web/app-manifest.ts";
import type { TriggerDeps } from "../../src/webhooks/trigger.ts";
import { silent } from "../queue/start-worker.ts";
import type { Fault } from "../standins/github/faults.ts";
import { startGitHub, type GitHubStandin } from "../standins/github/github.ts";
import type { Role } from "../standins/github/state.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** The gate as each trigger reaches it, with the real client, a real GitHub to ask and a real database behind it. */

const repository = "acme/widgets";
/** The name of GitHub's question for a role. */
const roleQuestion = "repos/get-collaborator-permission-level";

let home: TestDatabase;
let github: GitHubStandin;
let queue: Queue;
let deps: TriggerDeps;
let dataDir: string;
let botId: number;
let eve: { id: number; login: string };
let pullNumber: number;
let quietIssue: number;

beforeAll(async () => {
  home = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "rc-gate-"));
  github = await startGitHub();
  github.createOrganization("acme");
  const { manifest } = readAppManifest();
  const app = await github.createApp({
    name: "Remote Claude",
    owner: "acme",
    permissions: manifest.default_permissions,
    events: manifest.default_events,
    // Nobody listens there: the deliveries are read from the stand-in's own list.
    webhookUrl: "http://127.0.0.1:9/",
  });
  botId = app.botUserId;
  await github.createRepository({ owner: "acme", name: "widgets" });
  github.createUser("alice");
  github.setRole(repository, "alice", "write");
  eve = github.createUser("eve");
  github.install({ app, owner: "acme", repositories: "all" });
  await github.commit(repository, { branch: "side", from: "main", files: { "side.txt": "side\n" } });
  const alice = github.as("alice");
  pullNumber = (await alice.openPull(repository, { title: "Side", head: "side", base: "main" })).number;
  quietIssue = (await alice.createIssue(repository, { title: "Quiet" })).number;
  const config = readConfig({
    APP_ID: String(app.id),
    PRIVATE_KEY: app.privateKey,
    WEBHOOK_SECRET: app.webhookSecret,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_SERVER_URL: github.url,
    DATA_DIR: dataDir,
    ACCOUNT_MAX_PARALLEL_TASKS: "100",
  });
  if (config.app === null) throw new Error("the configuration has an App");
  const withApp = { ...config, app: config.app };
  queue = await openQueue({ url: home.url, log: silent, mode: "send" });
  const { db, system } = home.database;
  deps = {
    db,
    system,
    queue,
    config: withApp,
    log: silent,
    clock: systemClock,
    github: createGitHub({ config: withApp, log: silent }),
  };
});

afterAll(async () => {
  await queue.stop();
  await home.close();
  await github.drained();
  await github.close();
  await rm(dataDir, { recursive: true });
  expect(github.violations).toEqual([]);
});

beforeEach(() => github.faults.clear());

type Sender = { id: number; login: string; type: string };
type Payload = Record<string, unknown> & { issue: Record<string, unknown> };
type Event = keyof typeof handlers;

/** The body of the newest delivery of this kind, as GitHub made it, then with another sender. */
async function newestBody(event: string, action: string, sender: Sender | null): Promise<Payload> {
  await github.drained();
  const found = github.deliveries().findLast((row) => row.event === event && row.action === action);
  if (found === undefined) throw new Error(`GitHub has sent no ${event}.${action}`);
  const body = JSON.parse(found.body) as Payload;
  return sender === null ? body : { ...body, sender: { ...(body.sender as object), ...sender } };
}

const asPerson = (): Sender => ({ ...eve, type: "User" });
/** Label and assignment are told apart by the time of the issue's last change, which GitHub gives in seconds. */
let second = 0;
const later = (body: Payload): Payload => ({
  ...body,
  issue: { ...body.issue, updated_at: new Date(Date.now() + 1_000 * ++second).toISOString() },
});

type Trigger = { name: string; event: Event; make: (issue: number) => Promise<Payload> };

const triggers: Trigger[] = [
  {
    name: "a comment on an issue",
    event: "issue_comment.created",
    make: async (issue) => {
      await github.as("eve").comment(repository, issue, "/claude turn it");
      return newestBody("issue_comment", "created", null);
    },
  },
  {
    name: "a comment on a pull request",
    event: "issue_comment.created",
    make: async () => {
      await github.as("eve").comment(repository, pullNumber, "/claude turn it");
      return newestBody("issue_comment", "created", null);
    },
  },
  {
    name: "a comment at a line",
    event: "pull_request_review_comment.created",
    make: async () => {
      await github
        .as("eve")
        .reviewComment(repository, pullNumber, { path: "side.txt", line: 1, body: "/claude turn it" });
      return newestBody("pull_request_review_comment", "created", null);
    },
  },
  {
    name: "the label",
    event: "issues.labeled",
    make: async (issue) => {
      const alice = github.as("alice");
      await alice.addLabel(repository, issue, "claude");
      const body = await newestBody("issues", "labeled", asPerson());
      await alice.removeLabel(repository, issue, "claude");
      return later(body);
    },
  },
  {
    name: "an assignment",
    event: "issues.assigned",
    make: async (issue) => {
      const alice = github.as("alice");
      await alice.assign(repository, issue, "alice");
      const body = await newestBody("issues", "assigned", asPerson());
      await alice.api("DELETE", `/repos/${repository}/issues/${issue}/assignees`, { assignees: ["alice"] });
      const assignee = { ...(body.assignee as object), id: botId, login: "remote-claude[bot]", type: "Bot" };
      return later({ ...body, assignee });
    },
  },
];

const roles: readonly Role[] = ["none", "read", "triage", "write", "maintain", "admin"];
const mayWrite = new Set<Role>(["write", "maintain", "admin"]);

type Answer = { name: string; fault: Omit<Fault, "operationId" | "when"> | null; refusal: string };

const answers: Answer[] = [
  { name: "the role", fault: null, refusal: "no-write-access" },
  { name: "404", fault: { status: 404, body: { message: "eve is not a user" } }, refusal: "no-write-access" },
  { name: "403", fault: { status: 403, body: { message: "Forbidden" } }, refusal: "github-403" },
  { name: "500", fault: { status: 500 }, refusal: "TransientError" },
  { name: "a body that is no JSON", fault: { status: 200, body: "<html>admin" }, refusal: "role-unknown" },
  {
    name: "a role that nobody knows",
    fault: { status: 200, body: { permission: "overlord", role_name: "overlord", user: { id: "eve" } } },
    refusal: "role-unknown",
  },
];

/** What became of a trigger, with what GitHub saw of it. */
async function pull(
  trigger: Trigger,
  payload: Payload,
  allowedBotIds: readonly number[] = [],
  worker: TriggerDeps = deps,
  deliveryId: string = crypto.randomUUID(),
) {
  const before = { requests: github.requests.length, tasks: await countTasks() };
  const own = { ...worker, config: { ...deps.config, allowedBotIds } };
  const outcome = await handlers[trigger.event](own, { id: deliveryId, payload }).catch((error: unknown) =>
    error instanceof UserError ? error.code : (error as Error).name,
  );
  const asked = github.requests.slice(before.requests).map(({ operationId }) => operationId);
  return {
    outcome,
    eyes: asked.some((operationId) => operationId.startsWith("reactions/create")),
    tasks: (await countTasks()) - before.tasks,
  };
}

const countTasks = () => home.database.system.$count(task);
const newIssue = async () => (await github.as("eve").createIssue(repository, { title: "Turn" })).number;

/** What became of each cell, as docs/security.md shows it: by answer, then by role. */
const matrix = new Map<string, Map<Role, Set<string>>>();
let cells = 0;
let passed = 0;

function note(answer: string, role: Role, outcome: string): void {
  const row = matrix.get(answer) ?? new Map<Role, Set<string>>();
  matrix.set(answer, row);
  row.set(role, (row.get(role) ?? new Set()).add(outcome));
}

/** One word for all five triggers, or each that occurred. */
function renderMatrix(): string {
  const word = (outcome: string) => (outcome === "TransientError" ? "asked again" : outcome);
  const lines = [...matrix].map(([answer, row]) => [
    answer,
    ...roles.map((role) => [...(row.get(role) ?? [])].map(word).join(", ")),
  ]);
  return [["GitHub answers", ...roles], ["---", ...roles.map(() => "---")], ...lines]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}

describe.each(triggers)("$name", (trigger) => {
  test.each(answers)("GitHub answers with $name", async ({ name, fault, refusal }) => {
    for (const role of roles) {
      github.setRole(repository, "eve", role);
      const passes = fault === null && mayWrite.has(role);
      const payload = await trigger.make(passes ? await newIssue() : quietIssue);
      if (fault !== null) {
        const body = JSON.stringify(fault.body ?? {}).replace('"id":"eve"', `"id":${eve.id}`);
        github.faults.add({
          ...fault,
          ...(typeof fault.body === "object" ? { body } : {}),
          operationId: roleQuestion,
          when: "before",
        });
      }
      const seen = await pull(trigger, payload);
      expect({ role, ...seen }).toEqual(
        passes
          ? { role, outcome: "admitted", eyes: true, tasks: 1 }
          : {
              role,
              outcome: refusal,
              eyes: false,
              tasks: 0,
            },
      );
      note(name, role, seen.outcome);
      cells += 1;
      passed += seen.outcome === "admitted" ? 1 : 0;
    }
  });
});

test("of all of them exactly those with write access and a good answer passed, and a thread was told once", () => {
  expect({ cells, passed }).toEqual({ cells: 180, passed: 15 });
  for (const thread of [quietIssue, pullNumber]) {
    const said = github
      .comments(repository, thread)
      .filter(({ body }) => body.includes("needs write access"));
    expect(said).toHaveLength(1);
  }
});

test("docs/security.md shows the table as it came out", async () => {
  const shown = await readFile(join(import.meta.dirname, "../../docs/security.md"), "utf8");
  const rows = (text: string) =>
    text
      .split("\n")
      .map((line) => line.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---"))
      .join("\n");
  expect(rows(shown)).toContain(renderMatrix());
});

test("an answer about another account of the same name is no answer", async () => {
  const [comment] = triggers;
  if (comment === undefined) throw new Error("there is a first trigger");
  github.setRole(repository, "eve", "admin");
  const payload = await comment.make(quietIssue);
  const renamed = { ...payload, sender: { ...(payload.sender as object), id: eve.id + 1_000_000 } };
  expect(await pull(comment, renamed)).toEqual({ outcome: "role-unknown", eyes: false, tasks: 0 });
});

describe("before GitHub is asked anything", () => {
  const comment = triggers[0] as Trigger;
  const dayMs = 86_400_000;
  const set = (values: { removedAt?: Date | null; suspendedAt?: Date | null }) =>
    home.database.system.update(installation).set(values);
  const requestsOf = async <T>(act: () => Promise<T>) => {
    const before = github.requests.length;
    return { seen: await act(), requests: github.requests.slice(before) };
  };

  beforeEach(() => github.setRole(repository, "eve", "admin"));
  afterEach(() => set({ removedAt: null, suspendedAt: null }));

  test.each([
    ["not-installed", { removedAt: new Date() }],
    ["suspended", { suspendedAt: new Date() }],
  ] as const)("an App that is %s starts nothing for anybody", async (outcome, values) => {
    const payload = await comment.make(quietIssue);
    await set(values);
    const { seen, requests } = await requestsOf(() => pull(comment, payload));
    expect(seen).toEqual({ outcome, eyes: false, tasks: 0 });
    expect(requests).toEqual([]);
  });

  test.each([
    ["came in too late", 4, 0, "too-old"],
    ["came in time and had to wait here", 4, 2, "admitted"],
    ["was pruned since", 4, null, "too-old"],
  ] as const)("a command of days ago that %s", async (_what, writtenDaysAgo, arrivedDaysAgo, outcome) => {
    const id = crypto.randomUUID();
    const ago = (days: number) => new Date(Date.now() - days * dayMs);
    if (arrivedDaysAgo !== null)
      await home.database.system.insert(delivery).values({
        ...{ id, event: "issue_comment", payload: Buffer.from("x"), source: "webhook", status: "queued" },
        receivedAt: ago(arrivedDaysAgo),
      });
    const body = await comment.make(await newIssue());
    const words = { ...(body.comment as object), created_at: ago(writtenDaysAgo).toISOString() };
    const { seen, requests } = await requestsOf(() =>
      pull(comment, { ...body, comment: words }, [], deps, id),
    );
    await home.database.system.delete(delivery).where(eq(delivery.id, id));
    expect(seen.outcome).toBe(outcome);
    if (outcome === "too-old") expect({ ...seen, requests }).toMatchObject({ tasks: 0, requests: [] });
  });
});

describe("bots", () => {
  const comment = triggers[0] as Trigger;
  let robot: Sender;

  beforeAll(async () => {
    const other = await github.createApp({ name: "Other", owner: "acme", permissions: {}, events: [] });
    robot = { id: other.botUserId, login: other.botLogin, type: "Bot" };
  });

  const by = async (sender: Sender): Promise<Payload> => {
    const body = await comment.make(await newIssue());
    return { ...body, sender: { ...(body.sender as object), ...sender } };
  };

  test.each<[what: string, role: Role, listed: boolean, expected: { outcome: string; tasks: number }]>([
    ["that nobody listed is not heard, whatever it may do", "admin", false, { outcome: "bot", tasks: 0 }],
    ["that is listed and may write is heard", "write", true, { outcome: "admitted", tasks: 1 }],
    ["that is listed and may not write is refused", "read", true, { outcome: "no-write-access", tasks: 0 }],
  ])("one %s", async (_what, role, listed, expected) => {
    github.setRole(repository, robot.login, role);
    expect(await pull(comment, await by(robot), listed ? [robot.id] : [1])).toMatchObject(expected);
  });

  test("our own is ignored though it is listed and may write", async () => {
    const own = { id: botId, login: "remote-claude[bot]", type: "Bot" };
    github.setRole(repository, own.login, "admin");
    expect(await pull(comment, await by(own), [botId])).toEqual({
      outcome: "ourselves",
      eyes: false,
      tasks: 0,
    });
  });

  test("a person whose comment came through our App is ourselves", async () => {
    github.setRole(repository, "eve", "admin");
    const body = await comment.make(await newIssue());
    const payload = {
      ...body,
      comment: { ...(body.comment as object), performed_via_github_app: { id: deps.config.app.id } },
    };
    expect(await pull(comment, payload, [eve.id])).toEqual({ outcome: "ourselves", eyes: false, tasks: 0 });
  });
});

describe("the repository's settings", () => {
  const comment = triggers[0] as Trigger;
  const label = triggers.find(({ name }) => name === "the label") as Trigger;
  const settings = (text: string) =>
    github.commit(repository, { branch: "main", files: { ".github/remote-claude.yml": text } });
  const custom = (permission: string) => ({
    status: 200,
    body: `{"permission":"${permission}","role_name":"release-manager","user":{"id":${eve.id}}}`,
    operationId: roleQuestion,
    when: "before" as const,
  });

  // A label is only looked up for an account that is known.
  beforeAll(async () => {
    github.setRole(repository, "eve", "none");
    await pull(comment, await comment.make(quietIssue));
  });
  afterAll(() => settings("pr: { draft: true }\n"));

  test.each([
    ["[write, maintain, admin]", ["write", "maintain", "admin", "custom"]],
    ["[maintain, admin]", ["maintain", "admin"]],
    ["[maintain]", ["maintain"]],
    ["[admin]", ["admin"]],
    ["[write]", ["write", "custom"]],
  ])("roles: %s lets %s start work, of those who may write, and nobody else", async (listed, heard) => {
    await settings(`triggers: { roles: ${listed} }\n`);
    for (const role of [...roles, "custom", "custom reader"] as const) {
      const isCustom = role === "custom" || role === "custom reader";
      if (!isCustom) github.setRole(repository, "eve", role);
      const payload = await comment.make(heard.includes(role) ? await newIssue() : quietIssue);
      if (isCustom) github.faults.add(custom(role === "custom" ? "write" : "read"));
      const { outcome, tasks } = await pull(comment, payload);
      const floor = role === "custom" || mayWrite.has(role as Role);
      const refusal = floor ? "role-narrowed" : "no-write-access";
      // A custom role is asked for a second time when the thread is frozen, where the fault is spent.
      const expected = heard.includes(role)
        ? { outcome: "admitted", tasks: 1 }
        : { outcome: refusal, tasks: 0 };
      expect({ role, outcome, tasks }).toEqual({ role, ...expected });
    }
  });

  test("who is narrowed out is told the true reason once in a thread", () => {
    const said = github.comments(repository, quietIssue).map(({ body }) => body);
    const narrowed = said.filter((body) => body.includes("let only people with the role"));
    expect(narrowed).toHaveLength(1);
    expect(narrowed[0]).toContain("with the role maintain or admin start work here");
    expect(said.filter((body) => body.includes("needs write access"))).toHaveLength(1);
  });

  test("where nothing is said of triggers, a command costs one request more, and none while a task reads the same commit", async () => {
    await settings("pr: { draft: true }\n");
    github.setRole(repository, "eve", "write");
    await pull(comment, await comment.make(await newIssue()));
    const payload = await comment.make(await newIssue());
    const before = github.requests.length;
    expect(await pull(comment, payload)).toMatchObject({ outcome: "admitted", tasks: 1 });
    const asked = github.requests.slice(before).map(({ operationId }) => operationId);
    expect(asked.filter((operationId) => operationId === "repos/list-commits")).toHaveLength(1);
    expect(asked.filter((operationId) => operationId === "repos/get-content")).toHaveLength(0);
  });

  test.each<[label: string, text: string, expected: { outcome: string; eyes: boolean; tasks: number }]>([
    ["claude", "triggers: { label: bot }\n", { outcome: "other-label", eyes: false, tasks: 0 }],
    ["Bot", "triggers: { label: bot }\n", { outcome: "admitted", eyes: true, tasks: 1 }],
    ["bot", "triggers: { label: claude }\n", { outcome: "other-label", eyes: false, tasks: 0 }],
    ["bot", "triggers: { autofix: false }\n", { outcome: "other-label", eyes: false, tasks: 0 }],
    ["claude", "triggers: { autofix: false }\n", { outcome: "admitted", eyes: true, tasks: 1 }],
  ])("the label %s where the file says %o", async (name, text, expected) => {
    github.setRole(repository, "eve", "write");
    await settings(text);
    const body = await label.make(await newIssue());
    const payload = { ...body, label: { ...(body.label as object), name } };
    // A worker of its own: what a label is sifted by may be a minute old.
    const own = { ...deps, github: { ...deps.github } };
    expect(await pull(label, payload, [], own)).toEqual(expected);
  });

  test("twenty labels in a minute that start nothing cost one look at the settings", async () => {
    await settings("triggers: { label: bot }\n");
    const body = await label.make(quietIssue);
    const own = { ...deps, github: { ...deps.github } };
    const before = github.requests.length;
    for (let nth = 0; nth < 20; nth += 1) {
      const payload = { ...later(body), label: { id: nth, name: `area/${nth}` } };
      expect(await pull(label, payload, [], own)).toMatchObject({ outcome: "other-label", tasks: 0 });
    }
    expect(github.requests.slice(before).map(({ operationId }) => operationId)).toEqual([
      "apps/create-installation-access-token",
      "repos/list-commits",
      "repos/get-content",
      "apps/revoke-installation-access-token",
    ]);
  });

  test("its list of bots stands for the server's: each still needs write access, and no role stands in for one", async () => {
    const made = await github.createApp({ name: "Renovate", owner: "acme", permissions: {}, events: [] });
    const robot = { id: made.botUserId, login: made.botLogin, type: "Bot" };
    const ask = async (role: Role, text: string, listedByServer: boolean) => {
      github.setRole(repository, robot.login, role);
      await settings(text);
      const body = await comment.make(await newIssue());
      const payload = { ...body, sender: { ...(body.sender as object), ...robot } };
      return (await pull(comment, payload, listedByServer ? [robot.id] : [])).outcome;
    };
    const listed = `triggers: { apps: [${robot.id}], roles: [admin] }\n`;
    expect(await ask("write", listed, false)).toBe("admitted");
    expect(await ask("triage", listed, false)).toBe("no-write-access");
    expect(await ask("admin", "triggers: { apps: [] }\n", true)).toBe("bot");
    expect(await ask("admin", "triggers: { apps: [7] }\n", true)).toBe("bot");
    expect(await ask("write", "triggers: { roles: [admin] }\n", true)).toBe("admitted");
  });

  test("without the settings nobody is let in: the delivery is tried again", async () => {
    github.setRole(repository, "eve", "admin");
    const payload = await comment.make(quietIssue);
    github.faults.add({ operationId: "repos/list-commits", when: "before", status: 500 });
    expect(await pull(comment, payload)).toMatchObject({ outcome: "TransientError", eyes: false, tasks: 0 });
  });
});
