import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { openStage, type Stage } from "../demo/stage.ts";
import { answerOnly, inTurn, writeFiles } from "../test/standins/model/scenarios.ts";
import { resultOf, workOffReview } from "../test/standins/model/scenarios-review.ts";

/**
 * What a task asks of GitHub, from the delivery to its last word, counted by route where it is answered: a command on an issue
 * to a draft pull request, a review with three threads worked off and resolved, a question. Each kind has a budget; an
 * installation has at least 5,000 requests an hour. Prints one JSON object and fails when a budget is passed.
 */
const budgets = { "comment-to-pull": 35, review: 50, ask: 20 } as const;
type Kind = keyof typeof budgets;

const hourly = 5_000;
const quietMs = 3_000;
const patienceMs = 120_000;
const silentTeller = {
  say: () => undefined,
  step: () => undefined,
  quote: () => undefined,
  diff: () => undefined,
};

const listed = z.looseObject({ tasks: z.array(z.looseObject({ status: z.string() })) });
const widgets = "export const one = 1;\nexport const two = 2;\nexport const three = 3;\n";

const stage = await openStage(silentTeller, {
  scenario: inTurn(
    writeFiles({ "widgets.js": widgets }),
    workOffReview({
      files: { "widgets.js": widgets.replaceAll("export ", "") },
      result: (threads) => resultOf(threads, () => "done"),
    }),
    answerOnly("There are three widgets."),
  ),
});
try {
  const { github, repository } = stage;
  const alice = github.as("alice");
  const carol = github.createUser("carol");
  github.setRole(repository, carol.login, "write");
  const issue = await alice.createIssue(repository, { title: "Widgets are missing" });
  const counts: Record<Kind, Map<string, number>> = {
    "comment-to-pull": await count(stage, 1, () =>
      alice.comment(repository, issue.number, "/claude write widgets.js"),
    ),
    review: await count(stage, 2, async () => {
      const [pull] = await github.pullRequests(repository);
      const comments = [1, 2, 3].map((line) => ({ path: "widgets.js", line, body: "Do not export this." }));
      const event = "REQUEST_CHANGES" as const;
      await github
        .as(carol.login)
        .review(repository, pull?.number ?? 0, { event, body: "Nearly.", comments });
    }),
    ask: await count(stage, 3, () =>
      alice.comment(repository, issue.number, "/claude ask how many widgets are there?"),
    ),
  };
  if (github.violations.length > 0) throw new Error(github.violations.join("; "));
  const kinds = Object.keys(budgets) as Kind[];
  const figures = Object.fromEntries(kinds.map((kind) => [kind, figuresOf(counts[kind], budgets[kind])]));
  process.stdout.write(`${JSON.stringify({ requests: figures }, null, 2)}\n`);
  process.exitCode = kinds.every((kind) => figures[kind]?.withinBudget === true) ? 0 : 1;
} finally {
  await stage.close();
}
process.exit();

/** The bot's requests by route while a task is caused, done and told of. */
async function count(
  stage: Stage,
  tasks: number,
  cause: () => Promise<unknown>,
): Promise<Map<string, number>> {
  const { github } = stage;
  await untilQuiet(github);
  const before = github.requests.length;
  await cause();
  const since = performance.now();
  for (;;) {
    const { tasks: rows } = listed.parse(await stage.cli(["tasks", "--json"]));
    if (rows.length >= tasks && rows.every(({ status }) => status === "completed")) break;
    if (performance.now() - since > patienceMs)
      throw new Error(`no end of task ${tasks}: ${JSON.stringify(rows)}`);
    await delay(500);
  }
  await untilQuiet(github);
  const routes = new Map<string, number>();
  for (const { actor, operationId } of github.requests.slice(before)) {
    if (actor === "alice" || actor === "carol") continue;
    routes.set(operationId, (routes.get(operationId) ?? 0) + 1);
  }
  return routes;
}

async function untilQuiet(github: Stage["github"]): Promise<void> {
  for (let seen = -1; seen !== github.requests.length;) {
    seen = github.requests.length;
    await delay(quietMs);
  }
  await github.drained();
}

/** git's own requests have no limit of this kind. */
function figuresOf(routes: ReadonlyMap<string, number>, budget: number) {
  const sorted = [...routes].toSorted(([a, left], [b, right]) => right - left || a.localeCompare(b));
  const sum = (ofGit: boolean) =>
    sorted.reduce((all, [route, n]) => all + (route.startsWith("git/") === ofGit ? n : 0), 0);
  const api = sum(false);
  return {
    ...{ api, budget, withinBudget: api <= budget, git: sum(true), tasksAnHour: Math.floor(hourly / api) },
    routes: Object.fromEntries(sorted),
  };
}
