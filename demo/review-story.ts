import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { demoFix } from "../test/standins/model/demo-fix.ts";
import { answer, use, type Scenario } from "../test/standins/model/reply.ts";
import { absolute, bash, inTurn } from "../test/standins/model/scenarios.ts";
import { resultOf, workOffReview } from "../test/standins/model/scenarios-review.ts";
import type { Stage } from "./stage.ts";
import type { Teller } from "./teller.ts";

const title = "Slugs lose letters that carry an accent";
const report = '`slugify("Crème brûlée")` gives `cr-me-br-l-e`. I expected `creme-brulee`.';
const sourcePath = "src/slugify.js";

const remarks = [
  { text: "const accents", body: "`accents` is what they are called in French. Please say `marks`." },
  { text: "const plain =", body: "Say in a comment why the title is decomposed first." },
  { text: "const slug = plain", body: "And Cyrillic? Please transliterate it as well." },
];

const reviewed = workOffReview({
  files: {},
  result: (threads) =>
    resultOf(threads, (_, index) =>
      index < 2
        ? "done"
        : "not done: transliteration is another feature; this pull request only keeps accented letters.",
    ),
});

/** Two remarks are worked off by sed, the third is declined. */
const workOff: Scenario = async (call) => {
  if (call.turn > 0) return answer("The review is worked off.");
  const path = absolute(call, sourcePath);
  const script = [
    "s/\\baccents\\b/marks/g",
    "s|^  const plain = |  // Decomposed, so that a letter and its mark are two characters.\\n&|",
  ].join(";");
  const reply = await reviewed(call);
  const blocks = reply.kind === "message" ? reply.blocks : [];
  return answer("I'll rename it and add the comment.", bash(`sed -i '${script}' ${path}`, "Mend"), ...blocks);
};

/** What CI finds: the file has no licence line. */
const repair: Scenario = (call) =>
  call.turn === 0
    ? answer(
        "The licence check wants a line at the top.",
        use("Bash", {
          command: `sed -i '1i // SPDX-License-Identifier: MIT' ${absolute(call, sourcePath)}`,
          description: "Add the licence line",
        }),
      )
    : answer("The licence line is there.");

/** What the scripted model does in the three turns; the rebase needs none. */
export const reviewTurns: Scenario = inTurn(demoFix, workOff, repair);

const listed = z.looseObject({
  tasks: z.array(z.looseObject({ id: z.string(), status: z.string(), verb: z.string().optional() })),
});
const shown = z.looseObject({ outcome: z.unknown() });
const rebased = z.looseObject({ kind: z.literal("rebased"), mergeable: z.boolean().nullable() });

/** A review with three threads, one failed check and a rebase: all on one branch, in one conversation. */
export async function reviewStory(stage: Stage, tell: Teller) {
  const { github, repository } = stage;
  const alice = github.as("alice");
  const carol = github.createUser("carol");
  github.setRole(repository, carol.login, "write");
  const issue = await alice.createIssue(repository, { title, body: report });
  stage.issueUrl(issue.url);
  await alice.comment(repository, issue.number, "/claude fix this and make the failing test pass");
  tell.step(`alice opens an issue and asks for it to be mended: ${issue.url}`);
  await untilEnded(stage, 1);
  const pull = await readPull(stage);
  tell.step(`a draft pull request is there: ${pull.url}`);

  const comments = await placeRemarks(stage, pull.head);
  await github
    .as(carol.login)
    .review(repository, pull.number, { event: "REQUEST_CHANGES", body: "Nearly there.", comments });
  tell.step("carol reviews it, with three threads:");
  for (const { line, body } of comments) tell.quote(`carol, line ${line}`, body);
  await untilEnded(stage, 2);
  const threads = await readThreads(stage);
  for (const thread of threads)
    tell.quote(`the bot answers${thread.resolved ? " and resolves" : ""}`, thread.answers.join("\n"));

  const failedAt = (await readPull(stage)).headSha;
  await github.createCheck(repository, {
    headSha: failedAt,
    name: "licence",
    conclusion: "failure",
    output: { title: "1 file without a licence", summary: `${sourcePath}: no SPDX line` },
    log: `Error: ${sourcePath} has no SPDX-License-Identifier`,
  });
  tell.step(`the check "licence" fails on ${failedAt.slice(0, 12)}`);
  await untilEnded(stage, 3);
  const repairedAt = (await readPull(stage)).headSha;
  await github.createCheck(repository, { headSha: repairedAt, name: "licence", conclusion: "success" });
  tell.step(`the bot has repaired it: ${repairedAt.slice(0, 12)} passes`);

  const base = await github.commit(repository, { branch: "main", files: { "NEWS.md": "# News\n" } });
  await alice.comment(repository, pull.number, "/claude rebase");
  tell.step("main moves on, and alice writes `/claude rebase`");
  await untilEnded(stage, 4);
  const [last] = listed.parse(await stage.cli(["tasks", "--json", "--limit", "1"])).tasks;
  const { outcome } = shown.parse(await stage.cli(["show", last?.id ?? "", "--json"]));
  const rebase = rebased.safeParse(outcome);
  const final = await readPull(stage);
  const commits = await github.commits(repository, final.head);
  tell.diff(await github.diff(repository, final.base, final.head));
  for (const violation of github.violations) tell.say(`VIOLATION: ${violation}`);
  const source = (await github.show(repository, final.head, sourcePath)) ?? "";
  const seen = {
    oneTaskForTheReview: true,
    threadsAnsweredOnce: threads.length === 3 && threads.every(({ answers }) => answers.length === 1),
    handledResolved: threads.filter(({ resolved }) => resolved).length === 2,
    checkRepaired: repairedAt !== failedAt && source.startsWith("// SPDX-License-Identifier"),
    rebasedOntoBase: commits.some(({ sha }) => sha === base),
    mergeableByGitHub: rebase.success && rebase.data.mergeable === true,
    onePullRequest: (await github.pullRequests(repository)).length === 1,
  };
  const statuses = listed.parse(await stage.cli(["tasks", "--json"])).tasks.map(({ status }) => status);
  seen.oneTaskForTheReview = statuses.length === 4 && statuses.every((status) => status === "completed");
  const ok = Object.values(seen).every(Boolean) && github.violations.length === 0;
  tell.step(ok ? "done: reviewed, repaired, rebased" : `not as it should be: ${JSON.stringify(seen)}`);
  return {
    ok,
    ...seen,
    violations: [...github.violations],
    issue: { number: issue.number, url: issue.url },
    comments: [issue.number, pull.number].flatMap((number) =>
      github.comments(repository, number).map(({ author, body }) => ({ thread: number, author, body })),
    ),
    threads,
    pullRequest: { ...final, commits: commits.map(({ sha, message }) => ({ sha, message })) },
    model: stage.model.kind,
  };
}

const patienceMs = 5 * 60_000;

/** Waits until so many tasks exist and have all ended. */
async function untilEnded(stage: Stage, count: number): Promise<void> {
  const since = performance.now();
  while (performance.now() - since < patienceMs) {
    const { tasks } = listed.parse(await stage.cli(["tasks", "--json"]));
    const over = tasks.every(({ status }) =>
      ["completed", "failed", "cancelled", "timeout"].includes(status),
    );
    if (tasks.length >= count && over) return stage.github.drained();
    await delay(500);
  }
  throw new Error(`expected ${count} ended tasks within ${patienceMs / 60_000} minutes`);
}

async function readPull({ github, repository }: Stage) {
  const [pull] = await github.pullRequests(repository);
  if (pull === undefined) throw new Error("expected a pull request, there is none");
  const { number, url, draft, head, base, headSha, title: name, files } = pull;
  return { number, url, draft, head, base, headSha, title: name, files };
}

/** Where the remarks belong in the file as it stands on the branch. */
async function placeRemarks({ github, repository }: Stage, head: string) {
  const rows = ((await github.show(repository, head, sourcePath)) ?? "").split("\n");
  return remarks.map(({ text, body }) => {
    const line = rows.findIndex((row) => row.includes(text)) + 1;
    if (line === 0) throw new Error(`expected a line with ${text} in ${sourcePath}`);
    return { path: sourcePath, line, body };
  });
}

const threadsSaid = z.object({
  data: z.object({
    repository: z.object({
      pullRequest: z.object({
        reviewThreads: z.object({
          nodes: z.array(
            z.object({
              isResolved: z.boolean(),
              path: z.string(),
              comments: z.object({
                nodes: z.array(z.object({ body: z.string(), author: z.object({ __typename: z.string() }) })),
              }),
            }),
          ),
        }),
      }),
    }),
  }),
});

/** The review's threads as GitHub shows them to alice. */
async function readThreads({ github, repository }: Stage) {
  const [owner = "", name = ""] = repository.split("/");
  const [pull] = await github.pullRequests(repository);
  const response = await fetch(`${github.url}/api/graphql`, {
    method: "POST",
    headers: {
      authorization: `bearer ${github.as("alice").token}`,
      "content-type": "application/json",
      "user-agent": "demo",
      accept: "application/json",
    },
    body: JSON.stringify({
      query: `query ($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) {
        pullRequest(number: $number) { reviewThreads(first: 100) { nodes { isResolved path
          comments(first: 10) { nodes { body author { __typename } } } } } } } }`,
      variables: { owner, name, number: pull?.number ?? 0 },
    }),
  });
  const { data } = threadsSaid.parse(await response.json());
  return data.repository.pullRequest.reviewThreads.nodes.map(({ isResolved, path, comments }) => ({
    path,
    resolved: isResolved,
    answers: comments.nodes.filter(({ author }) => author.__typename === "Bot").map(({ body }) => body),
  }));
}
