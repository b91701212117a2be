import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { demoFix } from "../test/standins/model/demo-fix.ts";
import { answer, type Scenario } from "../test/standins/model/reply.ts";
import { absolute, bash } from "../test/standins/model/scenarios.ts";
import type { Stage } from "./stage.ts";
import type { Teller } from "./teller.ts";

const title = "Slugs lose letters that carry an accent";
const report = '`slugify("Crème brûlée")` gives `cr-me-br-l-e`. I expected `creme-brulee`.';
const command = "/claude --budget 1.50 write down how slugs are made, then fix this";
const notesPath = "docs/slugs.md";

/** Each answer costs as much as one of 20,000 tokens, so that the budget is at its end after a few of them. */
const spend: Scenario = (call) => ({
  ...answer(
    call.turn === 0 ? "First I write down how slugs are made." : `I look at case ${call.turn}.`,
    call.turn === 0
      ? bash(
          `mkdir -p docs && printf '# How slugs are made\\n' > ${absolute(call, notesPath)}`,
          "Write the notes",
        )
      : bash("true", "Look at another case"),
  ),
  usage: { output_tokens: 20_000 },
});

/** What the scripted model does before and after the budget was raised: Claude Code puts the second prompt beside what the last tool said. */
export const budgetTurns: Scenario = (call) => {
  const { messages } = call.body;
  const at = messages.findLastIndex(
    ({ role, content }) => role === "user" && JSON.stringify(content).includes("wants you to go on"),
  );
  const raised = messages[at];
  if (raised === undefined) return spend(call);
  const texts = typeof raised.content === "string" ? [raised.content] : raised.content.flatMap(textOf);
  const turn = messages.slice(at + 1).filter(({ role }) => role === "assistant").length;
  return demoFix({ ...call, turn, prompt: texts.join("\n") });
};

const textOf = (block: object): string[] =>
  "text" in block && typeof block.text === "string" ? [block.text] : [];

const listed = z.looseObject({ tasks: z.array(z.looseObject({ id: z.string(), status: z.string() })) });
const shown = z.looseObject({
  task: z.looseObject({ status: z.string(), budgetMicroUsd: z.number() }),
  session: z.looseObject({ id: z.string(), claudeSessionId: z.string() }),
  receipt: z
    .looseObject({ costMicroUsd: z.number(), machine: z.object({ durationMs: z.number() }) })
    .nullable(),
  usage: z.unknown(),
});
const line = z.looseObject({
  leg: z.number(),
  reason: z.string(),
  url: z.string(),
  chargeCents: z.number(),
  priceMicroUsd: z.number(),
  modelCostMicroUsd: z.number(),
  machineCostMicroUsd: z.number(),
  machineSeconds: z.number(),
});
const exported = z.looseObject({ lines: z.array(line) });

/** A task runs against its budget, keeps its work, sleeps and asks; with more it goes on, and all sums agree. */
export async function budgetStory(stage: Stage, tell: Teller) {
  const { github, repository } = stage;
  await github.commit(repository, {
    branch: "main",
    files: { ".github/remote-claude.yml": "public_amounts: true\n" },
  });
  const alice = github.as("alice");
  const issue = await alice.createIssue(repository, { title, body: report });
  stage.issueUrl(issue.url);
  tell.step(`alice opens an issue: ${issue.url}`);
  await alice.comment(repository, issue.number, command);
  tell.quote("alice", command);

  const waiting = await untilStatus(stage, ["waiting"]);
  await untilSaid(stage, issue.number, "budget +2");
  tell.step("the budget is at its end; the task keeps its work, sleeps and asks:");
  tell.quote("the status comment", statusOf(stage, issue.number));
  const asleep = await readLedger(stage);
  const before = shown.parse(await stage.cli(["show", waiting.id, "--json"]));

  await alice.comment(repository, issue.number, "/claude budget +5");
  tell.quote("alice", "/claude budget +5");
  const ended = await untilStatus(stage, ["completed", "failed", "cancelled", "timeout"]);
  await untilSaid(stage, issue.number, "Receipt");
  await github.drained();
  tell.step("it went on and is done:");
  tell.quote("the status comment", statusOf(stage, issue.number));
  const after = shown.parse(await stage.cli(["show", ended.id, "--json"]));
  const ledger = await readLedger(stage);
  const [pull] = await github.pullRequests(repository);
  const commits = pull === undefined ? [] : await github.commits(repository, pull.head);
  if (pull !== undefined) tell.diff(await github.diff(repository, pull.base, pull.head));
  for (const violation of github.violations) tell.say(`VIOLATION: ${violation}`);
  const total = (of: (each: z.infer<typeof line>) => number) =>
    ledger.reduce((sum, each) => sum + of(each), 0);
  const cost = after.receipt?.costMicroUsd ?? -1;
  const seen = {
    withinItsBudget: total(({ leg, priceMicroUsd }) => (leg === 1 ? priceMicroUsd : 0)) <= 1_500_000,
    asleepUnbilled:
      asleep.length === 1 && JSON.stringify(asleep[0]) === JSON.stringify(withoutPull(ledger[0], asleep[0])),
    raised: after.task.budgetMicroUsd === before.task.budgetMicroUsd + 5_000_000,
    sameTask: ended.id === waiting.id && after.task.status === "completed",
    sameSession:
      before.session.id === after.session.id &&
      before.session.claudeSessionId === after.session.claudeSessionId,
    workKept: pull?.files.map(({ path }) => path).join() === [notesPath, "src/slugify.js"].join(),
    legs: ledger.map(({ reason }) => reason).join() === "cap-reached,done",
    machineMetered:
      ledger.every(({ machineSeconds }) => machineSeconds > 0) &&
      (after.receipt?.machine.durationMs ?? 0) > 0,
    receiptIsLedger: cost === total((each) => each.modelCostMicroUsd + each.machineCostMicroUsd),
    ledgerIsCharge:
      cost === total(({ priceMicroUsd }) => priceMicroUsd) &&
      ledger.every((each) => each.chargeCents === Math.round(each.priceMicroUsd / 10_000)),
    leadsToPull: ledger.every(({ url }) => url === pull?.url),
  };
  const ok = Object.values(seen).every(Boolean) && github.violations.length === 0;
  tell.step(ok ? "done: receipt, ledger and charge agree" : `not as it should be: ${JSON.stringify(seen)}`);
  return {
    ok,
    ...seen,
    violations: [...github.violations],
    issue: { number: issue.number, url: issue.url },
    comments: github.comments(repository, issue.number).map(({ author, body }) => ({ author, body })),
    receipt: after.receipt,
    usage: after.usage,
    charges: ledger,
    pullRequest:
      pull === undefined
        ? null
        : {
            number: pull.number,
            url: pull.url,
            commits: commits.map(({ sha, message }) => ({ sha, message })),
          },
    model: stage.model.kind,
  };
}

const patienceMs = 3 * 60_000;

async function untilStatus(stage: Stage, statuses: readonly string[]) {
  const since = performance.now();
  while (performance.now() - since < patienceMs) {
    const { tasks } = listed.parse(await stage.cli(["tasks", "--json"]));
    const [task] = tasks;
    if (task !== undefined && tasks.length === 1 && statuses.includes(task.status)) return task;
    await delay(500);
  }
  throw new Error(`expected one task to be ${statuses.join(" or ")} within ${patienceMs / 60_000} minutes`);
}

const statusOf = ({ github, repository }: Stage, issueNumber: number): string =>
  github.comments(repository, issueNumber).find(({ body }) => body.includes("remote-claude:task:"))?.body ??
  "";

async function untilSaid(stage: Stage, issueNumber: number, words: string): Promise<void> {
  const since = performance.now();
  while (!statusOf(stage, issueNumber).includes(words)) {
    if (performance.now() - since > patienceMs)
      throw new Error(`expected the status comment to say ${words}`);
    await delay(100);
  }
}

async function readLedger(stage: Stage) {
  return exported.parse(await stage.cli(["usage", "export", "--format", "json"])).lines;
}

/** A line as it was before there was a pull request, and while its task had not ended. */
const withoutPull = (now: z.infer<typeof line> | undefined, then: z.infer<typeof line> | undefined) => ({
  ...now,
  ...(then === undefined ? {} : { status: then.status, pullNumber: then.pullNumber, url: then.url }),
});
