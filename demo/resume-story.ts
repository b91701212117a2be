import { z } from "zod";
import { demoFix } from "../test/standins/model/demo-fix.ts";
import { answer, type Scenario } from "../test/standins/model/reply.ts";
import { bash, inTurn } from "../test/standins/model/scenarios.ts";
import { followThread } from "./follow-thread.ts";
import type { Stage } from "./stage.ts";
import type { Teller } from "./teller.ts";

const title = "Slugs lose letters that carry an accent";
const report =
  '`slugify("Crème brûlée")` gives `cr-me-br-l-e`. I expected `creme-brulee`. There is a failing test for it.';
const firstCommand =
  "/claude fix this and make the failing test pass; also draft .github/workflows/test.yml that runs npm test on push";
const secondCommand =
  "/claude say in docs/ci.md what your workflow draft runs, with the draft itself copied below";

const draft = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm test\n";

/** A workflow file is never pushed: after the first turn the draft is in the sandbox only. */
const writeDraft: Scenario = async (call) => {
  const reply = await demoFix(call);
  if (call.turn !== 0 || reply.kind !== "message") return reply;
  const command = `mkdir -p .github/workflows && printf %s ${JSON.stringify(draft)} > .github/workflows/test.yml`;
  return { ...reply, blocks: [...reply.blocks, bash(command.replaceAll("\\n", "\n"), "Draft the workflow")] };
};

const copyDraft: Scenario = ({ turn }) =>
  turn === 0
    ? answer(
        "The draft is still in the working tree; I'll describe it.",
        bash(
          "mkdir -p docs && { echo 'The draft runs `npm test` on every push.'; echo; sed 's/^/    /' .github/workflows/test.yml; } > docs/ci.md",
          "Describe the draft",
        ),
      )
    : answer("docs/ci.md says what the workflow draft runs.");

/** What the scripted model does in the two turns. */
export const resumeTurns: Scenario = inTurn(writeDraft, copyDraft);

const listed = z.looseObject({ tasks: z.array(z.looseObject({ id: z.string() })) });
const shown = z.looseObject({
  task: z.looseObject({ id: z.string(), status: z.string(), durationMs: z.number().nullable() }),
  session: z.looseObject({
    id: z.string(),
    claudeSessionId: z.string(),
    sandbox: z.looseObject({ provider: z.string().nullable(), id: z.string().nullable() }),
  }),
});

/** Weeks later: the machine at E2B is gone and E2B with it, and the same conversation goes on with the next provider. */
export async function resumeStory(stage: Stage, tell: Teller) {
  const { github, repository, e2b } = stage;
  if (e2b === null) throw new Error("expected a stage with an E2B");
  const alice = github.as("alice");
  const issue = await alice.createIssue(repository, { title, body: report });
  stage.issueUrl(issue.url);
  tell.step(`alice opens an issue: ${issue.url}`);
  const first = await command(stage, tell, { issueNumber: issue.number, text: firstCommand, statusAt: 1 });
  tell.step(`the first turn ran in ${machineOf(first)}`);
  for (const { id } of e2b.machines()) await e2b.loseMachine(id);
  e2b.fault({ method: "POST", path: /^\/v2\/sandboxes$/, times: 100, when: "before", do: { status: 503 } });
  tell.step("weeks pass: the machine is destroyed, and E2B makes no new one (503)");
  const second = await command(stage, tell, { issueNumber: issue.number, text: secondCommand, statusAt: 3 });
  tell.step(`the second turn ran in ${machineOf(second)}`);
  const pulls = await github.pullRequests(repository);
  const [pull] = pulls;
  const commits = pull === undefined ? [] : await github.commits(repository, pull.head);
  const comments = github.comments(repository, issue.number).map(({ author, body }) => ({ author, body }));
  const diff = pull === undefined ? "" : await github.diff(repository, pull.base, pull.head);
  tell.diff(diff);
  const seen = {
    sameClaudeSession: first.session.claudeSessionId === second.session.claudeSessionId,
    otherProvider: first.session.sandbox.provider === "e2b" && second.session.sandbox.provider === "local",
    uncommittedFileThere: diff.includes("runs-on: ubuntu-latest") && diff.includes("docs/ci.md"),
    threadSaysSo: comments.some(({ body }) =>
      body.includes("rebuilt from its last checkpoint; nothing was lost"),
    ),
    onePullRequest: pulls.length === 1 && pull?.draft === true,
    turnsInIt: commits.filter(({ message }) => message.includes("Remote-Claude-Task:")).length,
    bothCompleted: first.task.status === "completed" && second.task.status === "completed",
    violations: [...github.violations, ...e2b.violations],
  };
  const { turnsInIt, violations, ...flags } = seen;
  const ok = Object.values(flags).every(Boolean) && turnsInIt === 2 && violations.length === 0;
  tell.step(
    ok
      ? "done: one pull request with both turns"
      : `the story did not end as it should: ${JSON.stringify(seen)}`,
  );
  return {
    ok,
    ...seen,
    issue: { number: issue.number, url: issue.url },
    comments,
    pullRequest:
      pull === undefined
        ? null
        : {
            number: pull.number,
            url: pull.url,
            draft: pull.draft,
            head: pull.head,
            base: pull.base,
            files: pull.files,
          },
    turns: [first, second].map(({ task, session }) => ({
      taskId: task.id,
      status: task.status,
      durationMs: task.durationMs,
      claudeSessionId: session.claudeSessionId,
      sandbox: session.sandbox,
    })),
    model: stage.model.kind,
  };
}

type Shown = z.infer<typeof shown>;

const machineOf = ({ session }: Shown) => `${session.sandbox.provider ?? "?"}/${session.sandbox.id ?? "?"}`;

/** A comment of alice's, its task followed to the end, and what the command line then knows of it. */
async function command(
  stage: Stage,
  tell: Teller,
  { issueNumber, text, statusAt }: { issueNumber: number; text: string; statusAt: number },
): Promise<Shown> {
  const askedAt = performance.now();
  const comment = await stage.github.as("alice").comment(stage.repository, issueNumber, text);
  tell.step("alice comments:");
  tell.quote("alice", text);
  await followThread(stage, tell, { issueNumber, commentId: comment.id, askedAt, statusAt });
  const [task] = listed.parse(await stage.cli(["tasks", "--json", "--limit", "1"])).tasks;
  if (task === undefined) throw new Error("the bot made no task of the comment");
  return shown.parse(await stage.cli(["show", task.id, "--json"]));
}
