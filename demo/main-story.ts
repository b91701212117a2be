import { z } from "zod";
import { followThread } from "./follow-thread.ts";
import type { Stage } from "./stage.ts";
import type { Teller } from "./teller.ts";

const title = "Slugs lose letters that carry an accent";
const report = `\`slugify("Crème brûlée")\` gives \`cr-me-br-l-e\`. I expected \`creme-brulee\`.

There is a test for it already, and it fails: \`npm test\`.`;
const command = "/claude fix this and make the failing test pass";

const listed = z.looseObject({ tasks: z.array(z.looseObject({ id: z.string() })) });

const shown = z.looseObject({
  task: z.looseObject({ id: z.string(), status: z.string(), durationMs: z.number().nullable() }),
  session: z.looseObject({ sandbox: z.looseObject({ provider: z.string().nullable() }) }),
  outcome: z.unknown(),
  receipt: z.unknown(),
  usage: z.unknown(),
});

/** A person reports a bug and asks for it to be mended; a draft pull request follows. */
export async function mainStory(stage: Stage, tell: Teller) {
  const { github, repository } = stage;
  const alice = github.as("alice");
  const issue = await alice.createIssue(repository, { title, body: report });
  stage.issueUrl(issue.url);
  tell.step(`alice opens an issue: ${issue.url}`);
  tell.quote(`#${issue.number} ${title}`, report);
  const askedAt = performance.now();
  const comment = await alice.comment(repository, issue.number, command);
  tell.step("alice comments:");
  tell.quote("alice", command);
  const timings = await followThread(stage, tell, {
    issueNumber: issue.number,
    commentId: comment.id,
    askedAt,
  });
  const [task] = listed.parse(await stage.cli(["tasks", "--json"])).tasks;
  if (task === undefined) throw new Error("the bot made no task of the comment");
  const details = shown.parse(await stage.cli(["show", task.id, "--json"]));
  const pullRequest = await describePullRequest(stage, tell);
  const comments = github.comments(repository, issue.number).map(({ author, body }) => ({ author, body }));
  const ok =
    details.task.status === "completed" &&
    pullRequest?.draft === true &&
    pullRequest.files.some(({ path }) => path === "src/slugify.js") &&
    github.violations.length === 0;
  for (const violation of github.violations) tell.say(`VIOLATION: ${violation}`);
  tell.step(
    ok ? "done: a draft pull request with the expected change is open" : "the story did not end as it should",
  );
  return {
    ok,
    issue: { number: issue.number, url: issue.url },
    comments,
    reactions: github.reactions(repository, issue.number, comment.id),
    pullRequest,
    task: { id: details.task.id, status: details.task.status, durationMs: details.task.durationMs, timings },
    receipt: details.receipt,
    usage: details.usage,
    sandbox: { provider: details.session.sandbox.provider, isolation: stage.isolation },
    model: stage.model.kind,
  };
}

async function describePullRequest(stage: Stage, tell: Teller) {
  const { github, repository } = stage;
  const [pull] = await github.pullRequests(repository);
  if (pull === undefined) return null;
  const diff = await github.diff(repository, pull.base, pull.head);
  tell.step(`draft pull request: ${pull.url}`);
  tell.quote(pull.title, pull.body ?? "");
  tell.diff(diff);
  return {
    number: pull.number,
    url: pull.url,
    draft: pull.draft,
    head: pull.head,
    base: pull.base,
    title: pull.title,
    body: pull.body,
    files: pull.files.map(({ path, additions, deletions }) => ({ path, additions, deletions })),
  };
}
