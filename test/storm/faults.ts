import { eq } from "drizzle-orm";
import { delivery, task } from "../../db/schema.ts";
import { end, type Bot } from "../../bench/bot/open-bot.ts";
import type { Fault } from "../standins/github/faults.ts";
import { openAgent } from "./agent/open-agent.ts";
import { checkFaulted } from "./check.ts";
import { historyOf } from "./history.ts";
import { withBot } from "./round-unit.ts";
import type { FaultsOfOperation, Unit } from "./unit.ts";
import { until } from "./until.ts";

/** An operation of GitHub's that a task needs, and what of its path tells whose it is; nothing does: its faults come one kind at a time. */
type Operation = { id: string; method?: "POST"; of: "repository" | "installation" | "person" | null };

export const operations: readonly Operation[] = [
  { id: "apps/create-installation-access-token", of: "installation" },
  { id: "apps/revoke-installation-access-token", of: null },
  { id: "git/upload-pack", of: "repository" },
  { id: "git/receive-pack", of: "repository" },
  // The pack itself, after the refs were shown.
  { id: "git/receive-pack", method: "POST", of: "repository" },
  { id: "git/get-ref", of: "repository" },
  { id: "issues/create-comment", of: "repository" },
  { id: "issues/get", of: "repository" },
  { id: "issues/list-comments", of: "repository" },
  { id: "issues/update-comment", of: "repository" },
  { id: "pulls/create", of: "repository" },
  { id: "reactions/create-for-issue-comment", of: "repository" },
  { id: "repos/get", of: "repository" },
  { id: "repos/get-branch", of: "repository" },
  { id: "repos/get-collaborator-permission-level", of: "repository" },
  { id: "repos/get-content", of: "repository" },
  { id: "repos/list-commits", of: "repository" },
  { id: "users/get-by-username", of: "person" },
];

const says = (message: string) => ({ message, documentation_url: "https://docs.github.com/rest" });
const limited = says(
  "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
);
const retryAfter = { "retry-after": "1" };
const kinds: ReadonlyMap<string, Omit<Fault, "operationId" | "path">> = new Map([
  ["500", { when: "before", status: 500 }],
  ["502 after the effect", { when: "after", status: 502 }],
  ["reset after the effect", { when: "after", reset: true }],
  ["403 secondary limit", { when: "before", status: 403, headers: retryAfter, body: limited }],
  ["429", { when: "before", status: 429, headers: retryAfter, body: limited }],
  ["401", { when: "before", status: 401, body: says("Bad credentials") }],
  ["404", { when: "before", status: 404, body: says("Not Found") }],
  ["422", { when: "before", status: 422, body: says("Validation Failed") }],
]);

type Victim = { kind: string; repository: string; issue: number; commentId: number; struck: boolean };

const limitMs = 300_000;

/** So many tasks for each kind of fault meet it at their first request of the operation. */
export function faultsUnit(operation: Operation, tasks: number): Unit {
  const name = operation.method === undefined ? operation.id : `${operation.id} ${operation.method}`;
  return {
    name: `faults/${name}`,
    async run() {
      const agent = await openAgent();
      try {
        return await withBot({ CLAUDE_BIN: agent.path, WORKER_CONCURRENCY: "16" }, async (bot) => {
          const processes = [await bot.startServer({}), await bot.startWorker({})];
          const all = [...kinds.keys()];
          const rounds = operation.of === null ? all.map((kind) => [kind]) : [all];
          const victims: Victim[] = [];
          for (const round of rounds)
            victims.push(...(await strike(bot, { operation, kinds: round, tasks })));
          await Promise.all(processes.map((each) => end(each)));
          return await judge(bot, { name, victims: victims.filter(({ struck }) => struck) });
        });
      } finally {
        await agent.close();
      }
    },
  };
}

async function strike(
  bot: Bot,
  input: { operation: Operation; kinds: readonly string[]; tasks: number },
): Promise<Victim[]> {
  const { github, app } = bot;
  const { operation, tasks } = input;
  const victims: Victim[] = [];
  for (const [index, kind] of input.kinds.flatMap((each) => Array<string>(tasks).fill(each)).entries()) {
    const word = `${kind.replaceAll(/\W+/g, "-")}-${index}`;
    const [owner, person] = [`owner-${word}`, `person-${word}`];
    github.createOrganization(owner);
    github.createUser(person);
    const files = { "README.md": "# widgets\n" };
    const { fullName: repository } = await github.createRepository({ owner, name: "widgets", files });
    const installation = github.install({ app, owner, repositories: "all" });
    github.setRole(repository, person, "write");
    const by = github.as(person);
    const { number } = await by.createIssue(repository, { title: "Struck", body: "" });
    const paths = {
      repository: `/${repository}`,
      installation: `/${installation.id}/`,
      person: `/${person}`,
    };
    const victim: Victim = { kind, repository, issue: number, commentId: 0, struck: false };
    const { id: operationId, method, of } = operation;
    github.faults.add({
      ...{ when: "before", ...kinds.get(kind), operationId },
      ...(method === undefined ? {} : { method }),
      ...(of === null ? {} : { path: new RegExp(`${paths[of]}(?=[/?.]|$)`) }),
      meanwhile: () => void (victim.struck = true),
    });
    victim.commentId = (await by.comment(repository, number, "/claude write turn.txt")).id;
    victims.push(victim);
  }
  await untilEnded(bot, victims);
  github.faults.clear();
  return victims;
}

/** Until each one's task has had its last word, or, where there is none, its delivery has been handled. */
async function untilEnded({ github, database }: Bot, victims: readonly Victim[]): Promise<void> {
  const handled = async (commentId: number) => {
    const guids = github
      .deliveries()
      .filter(({ event, body }) => event === "issue_comment" && body.includes(`"id":${commentId},`))
      .map(({ guid }) => guid);
    for (const guid of guids) {
      const [row] = await database.system.select().from(delivery).where(eq(delivery.id, guid));
      if (row !== undefined && row.processedAt !== null) return true;
    }
    return false;
  };
  let open = [...victims];
  const haveEnded = async () => {
    const rows = await database.system
      .select({ commentId: task.triggerCommentId, reportedAt: task.reportedAt })
      .from(task);
    const left: Victim[] = [];
    for (const victim of open) {
      const own = rows.filter(({ commentId }) => commentId === victim.commentId);
      const done =
        own.length > 0 ? own.every(({ reportedAt }) => reportedAt !== null) : await handled(victim.commentId);
      if (!done) left.push(victim);
    }
    open = left;
    return open.length === 0;
  };
  await until(
    () => `all have ended: ${open.map(({ kind }) => kind).join(", ")} have not`,
    haveEnded,
    limitMs,
  );
}

async function judge(
  bot: Bot,
  { name, victims }: { name: string; victims: readonly Victim[] },
): Promise<FaultsOfOperation> {
  const repositories = victims.map(({ repository }) => repository);
  const history = await historyOf(bot, { victims, repositories, lateEffects: [] });
  const cells = [...kinds.keys()].map((fault) => {
    const own = victims.filter(({ kind }) => kind === fault).map(({ repository }) => `${repository}#`);
    const threads = history.threads.filter(({ thread }) => own.some((each) => thread.startsWith(each)));
    const completed = threads.filter(({ reactions }) => reactions.includes("rocket")).length;
    return { fault, tasks: threads.length, completed };
  });
  return { kind: "faults", operation: name, cells, violations: checkFaulted(history) };
}
