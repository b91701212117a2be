import { formatPlural } from "./amounts.ts";
import { toInlineCode, toInlineText, type PublicMarkdown } from "./inline-text.ts";
import { toPlainTitle } from "./plain-title.ts";
import { fillTemplate } from "./pull-request-template.ts";
import { signPullText } from "./pull-text-mark.ts";
import type { ServerCheck } from "./server-check.ts";
import { renderTestEvidence } from "./test-evidence.ts";

/** Claude's words by section, safe to publish; null: it wrote nothing there. */
export type PullRequestSections = {
  summary: PublicMarkdown | null;
  why: PublicMarkdown | null;
  testing: PublicMarkdown | null;
};

export type PullRequestInput = {
  /** The repository's own PR template at the base, as it stands there. */
  template: string | null;
  /** Claude's, in whatever state; null: the issue's title is taken. */
  title: string | null;
  sections: PullRequestSections;
  issueTitle: string;
  issueNumber: number;
  requester: string;
  sessionUrl: string | null;
  taskId: string;
  /** Changed files that were not pushed. */
  leftOut: readonly { path: string; reason: string }[];
  /** Of the last commit. Lines are null in a binary file. */
  files: readonly { path: string; additions: number | null; deletions: number | null }[];
  /** What the server ran after the turn. */
  checks?: readonly ServerCheck[];
};

/** Beyond these a reviewer loses the thread; the study of reviews at Cisco puts the bound at 200 to 400 lines. */
const large = { lines: 500, files: 20 };

/** Title and body of the pull request; the body ends with the mark `pull-request:<task id>:…`. */
export function renderPullRequest(input: PullRequestInput): { title: string; body: string } {
  const { issueNumber, template } = input;
  const sections = withEvidence(input.sections, renderTestEvidence(input.checks ?? []));
  const filled = template === null ? null : fillTemplate(template, { sections, issueNumber });
  const closes = `Closes #${issueNumber}`;
  const blocks = [
    filled === null ? renderSections(sections) : filled.body,
    filled?.closes === true ? "" : closes,
    renderSize(input.files),
    renderLeftOut(input.leftOut),
    `<sub>${[`Asked for by ${toInlineText(input.requester, 60)}`, ...renderLink(input.sessionUrl), "written by Claude, to be reviewed by you"].join(" · ")}</sub>`,
  ];
  const title = renderTitle(input);
  const body = blocks.filter((block) => block !== "").join("\n\n");
  return { title, body: signPullText(input.taskId, { title, body }) };
}

/** The title alone, which the commit has too. */
export function renderTitle({
  title,
  issueTitle,
  issueNumber,
}: Pick<PullRequestInput, "title" | "issueTitle" | "issueNumber">): string {
  return toPlainTitle(title ?? "") || toPlainTitle(issueTitle) || `Work on issue ${issueNumber}`;
}

/** What was seen stands above what was said. */
function withEvidence(sections: PullRequestSections, evidence: PublicMarkdown | null): PullRequestSections {
  const testing = [evidence, sections.testing].filter((part) => part !== null).join("\n\n");
  return { ...sections, testing: testing === "" ? null : (testing as PublicMarkdown) };
}

function renderSections({ summary, why, testing }: PullRequestSections): string {
  const sections = [
    ["Summary", summary],
    ["Why", why],
    ["How it was tested", testing],
  ] as const;
  return sections.flatMap(([name, text]) => (text === null ? [] : [`## ${name}\n\n${text}`])).join("\n\n");
}

function renderSize(files: PullRequestInput["files"]): string {
  const lines = files.reduce((sum, { additions, deletions }) => sum + (additions ?? 0) + (deletions ?? 0), 0);
  if (files.length <= large.files && lines <= large.lines) return "";
  return `> This is a large change: ${formatPlural(files.length, "file")}, ${formatPlural(lines, "line")}. It may be easier to review in parts; ask for that with \`/claude\`.`;
}

function renderLeftOut(files: PullRequestInput["leftOut"]): string {
  if (files.length === 0) return "";
  const rows = files.slice(0, 20).map((file) => `- ${toInlineCode(file.path)}: ${toInlineText(file.reason)}`);
  return `**Left out of this branch** (the status comment on the issue has them as a patch):\n\n${rows.join("\n")}`;
}

function renderLink(url: string | null): string[] {
  return url === null ? [] : [`[session](<${encodeURI(url).replaceAll(/[<>]/g, "")}>)`];
}
