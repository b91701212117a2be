import { toInlineCode, toInlineText, type PublicMarkdown } from "../github/inline-text.ts";
import type { FrozenCheck, FrozenContext } from "../tasks/frozen-context.ts";
import type { Task } from "../tasks/task-store.ts";

/** A repair of these checks that was made before. */
export type RepairAttempt = Pick<Task, "outcome"> & { context: Pick<FrozenContext, "checks" | "base"> };

type Where = { headSha: string; serverUrl: string };

const verdicts: Record<FrozenCheck["verdict"], string> = {
  real: "",
  flaky: "; it has also passed on this very commit, so it is flaky",
  baseline: "; it fails on the base branch as well",
};

/** The note on checks that no change of this pull request can mend. */
export function renderNothingToMend(checks: readonly FrozenCheck[], where: Where): string {
  return [
    `Checks of \`${where.headSha.slice(0, 12)}\` are red, and nothing was started, because this pull request is not what broke them:`,
    listOf(checks, where),
    "`/claude fix-ci` starts a repair all the same.",
  ].join("\n\n");
}

/** The last word after repairs that did not help: what fails, what was tried, and how it goes on. */
export function renderStop(
  input: Where & { checks: readonly FrozenCheck[]; attempts: readonly RepairAttempt[] },
): string {
  const { attempts, checks, headSha } = input;
  const tried = attempts
    .toReversed()
    .map((task) => `- ${describeAttempt(task)}`)
    .join("\n");
  return [
    `Checks of \`${headSha.slice(0, 12)}\` still fail after ${attempts.length === 1 ? "one repair" : `${attempts.length} repairs`}, so no further one is started without a person.`,
    `What fails:\n\n${listOf(checks, input)}`,
    ...(tried === "" ? [] : [`What was tried:\n\n${tried}`]),
    "`/claude fix-ci <hint>` tries again with your hint; any other comment to Claude here lets the repairs go on as well.",
  ].join("\n\n");
}

function listOf(checks: readonly FrozenCheck[], where: Where): string {
  return checks
    .map(
      ({ name, url, conclusion, verdict }) =>
        `- ${linked(toInlineText(name), url, where)}: ${toInlineText(conclusion)}${verdicts[verdict]}`,
    )
    .join("\n");
}

/** A check may name any address; only GitHub's own are linked. */
function linked(name: PublicMarkdown, url: string | null, { serverUrl }: Where): string {
  if (url === null) return name;
  const here = URL.canParse(url) && new URL(url).origin === new URL(serverUrl).origin;
  return here && /^[^\s()<>]+$/.test(url) ? `[${name}](${url})` : `${name}, ${toInlineCode(url)}`;
}

function describeAttempt({ context, outcome }: RepairAttempt): string {
  const at = `\`${(context.checks?.headSha ?? context.base.sha).slice(0, 12)}\``;
  const names = (context.checks?.checks ?? [])
    .filter(({ verdict }) => verdict === "real")
    .map(({ name }) => toInlineText(name, 60))
    .join(", ");
  const what = names === "" ? "" : ` for ${names}`;
  if (outcome === null) return `at ${at}${what}: not ended`;
  if (outcome.kind === "published") return `at ${at}${what}: pushed \`${outcome.sha.slice(0, 12)}\``;
  return `at ${at}${what}: ${outcome.kind === "no-changes" ? "changed nothing" : `ended without a push (${outcome.kind})`}`;
}
