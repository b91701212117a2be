import { UserError } from "../errors.ts";
import type { Deps } from "../deps.ts";
import { oneLine, toInlineCode, type PublicMarkdown } from "../github/inline-text.ts";
import { toPublicMarkdown } from "../github/outgoing-text.ts";
import { readPullDiff, type PullDiff } from "../github/pull-diff.ts";
import { findReview, listFindingKeys, submitReview, type SubmittedReview } from "../github/submit-review.ts";
import type { AgentRun } from "../sessions/run-agent.ts";
import type { Attempt } from "./attempt.ts";
import { readFindings, type Findings } from "./findings.ts";
import type { FrozenPull } from "./frozen-context.ts";
import { workOf } from "./make-receipt.ts";
import { openWriter } from "./open-writer.ts";
import { holderOf, runStep } from "./steps.ts";
import { takeTurn } from "./take-turn.ts";
import { renderReviewInstructions } from "./prompt-of-review.ts";
import { readEffectiveSettingsOf } from "./set-up-machine.ts";
import { endOf, type TaskEnd } from "./task-end.ts";
import { toUnfinishedEnd } from "./unfinished-end.ts";

/** Where the agent finds the diff, beside the checkout. */
export const pullDiffName = "pull-request.diff";

/** What the agent is given; the rest it can read in the files. */
const maxPatchBytes = 2 * 2 ** 20;

/** `review`: the agent reads a pull request, and the server submits what it found as one review. */
export async function reviewPull(deps: Deps, attempt: Attempt): Promise<TaskEnd> {
  const { claim, timeoutMs } = attempt;
  const { pull } = claim.task.context;
  if (pull === null) {
    throw new UserError(
      "review-needs-pull-request",
      "There is no pull request here to review.",
      "Write `/claude review` on the pull request.",
    );
  }
  const { path: mirrorPath } = await attempt.openMirror();
  const diff = await readPullDiff({
    ...{ mirrorPath, baseSha: pull.base.sha, headSha: attempt.start.sha, maxBytes: maxPatchBytes },
  });
  const read = await readEffectiveSettingsOf(deps, { claim, repository: attempt.repository, mirrorPath });
  const instructions = read?.settings.reviewInstructions ?? null;
  const { run } = await takeTurn(deps, {
    ...attempt,
    ...(instructions === null ? {} : { about: renderReviewInstructions(instructions) }),
    prepare: (sandbox) => sandbox.writeFile(`${sandbox.paths.workspace}/${pullDiffName}`, diff.patch),
  });
  if (run.outcome.kind !== "finished")
    return { ...toUnfinishedEnd(run, { task: claim.task, timeoutMs }), work: workOf(run) };
  attempt.status.update({ phase: "publishing" });
  const review = await publishReview(deps, attempt, { pull, run, diff });
  return { ...endOf.completed({ kind: "reviewed", ...review }), work: workOf(run) };
}

type Published = { url: string | null; remarks: number; before: number; text: PublicMarkdown | null };

async function publishReview(
  deps: Deps,
  attempt: Attempt,
  { pull, run, diff }: { pull: FrozenPull; run: AgentRun; diff: PullDiff },
): Promise<Published> {
  const { claim, repository, start } = attempt;
  const { task } = claim;
  const clean = (text: string) =>
    toPublicMarkdown(text, {
      allowedHosts: [new URL(deps.config.github.serverUrl).host],
      redact: deps.redact,
    });
  const lastWords = run.outcome.kind === "finished" ? run.outcome.text : "";
  const found: Findings = readFindings(run.resultText ?? "", diff.lines) ?? {
    ...{ summary: lastWords, inline: [], elsewhere: [] },
  };
  attempt.watch.throwIfStopped();
  const writer = await openWriter(deps, { claim });
  try {
    const { botId } = await deps.github.identity(writer.octokit);
    const at = { repository, pullNumber: pull.number, botId };
    const said = await listFindingKeys(writer.octokit, at);
    const news = found.inline.filter(({ key }) => !said.has(key));
    const before = found.inline.length - news.length;
    const nothingNew = before > 0 && news.length === 0 && found.elsewhere.length === 0;
    const submitted = nothingNew
      ? null
      : await runStep<SubmittedReview>(deps, holderOf(claim), {
          name: "review",
          find: () => findReview(writer.octokit, { ...at, key: task.id }),
          act: () =>
            submitReview(deps, writer.octokit, {
              ...at,
              installationId: task.installationId,
              key: task.id,
              headSha: start.sha,
              body: renderReview(found, { cut: diff.cut, clean }),
              comments: news.map((finding) => ({ ...finding, body: clean(finding.body) })),
            }),
        });
    const text = found.summary.trim() === "" ? null : clean(found.summary);
    return { url: submitted?.url ?? null, remarks: news.length, before, text };
  } finally {
    await writer.revoke();
  }
}

function renderReview(
  { summary, elsewhere }: Findings,
  { cut, clean }: { cut: boolean; clean: (text: string) => PublicMarkdown },
): string {
  const others = elsewhere.map(
    ({ path, line, body }) =>
      `- ${toInlineCode(line === null ? path : `${path}:${line}`)}: ${clean(oneLine(body, 1_000))}`,
  );
  return [
    summary.trim() === "" ? "Claude has read this pull request." : clean(summary),
    ...(others.length === 0
      ? []
      : [["On lines that this pull request does not change:", "", ...others].join("\n")]),
    ...(cut ? ["The diff was too long to be read as a whole; the rest was looked up in the files."] : []),
  ].join("\n\n");
}
