import { branchName, isBranchName } from "./branch-name.ts";

export const defaultBranchTemplate = "claude/{issue}-{slug}";

/** Whether every branch made from it is one of ours and of one issue only. */
export function isBranchTemplate(template: string): boolean {
  if (template.length > 120 || !template.startsWith("claude/") || !template.includes("{issue}")) return false;
  const rest = template.replaceAll(/\{(?:issue|slug)\}/g, "");
  // The longest and the shortest that the parts can be.
  const samples = [fill(template, "1", "a"), fill(template, "1234567890", "a".repeat(40))];
  return !/[{}]/.test(rest) && samples.every(isBranchName);
}

/** The branch of a session; `suffix` (from 2 on) tells the next session of the same issue apart. Throws a TypeError for a template that `isBranchTemplate` refuses. */
export function branchFromTemplate(input: {
  template: string;
  issueNumber: number;
  title: string;
  suffix?: number;
}): string {
  const { template, issueNumber, title, suffix } = input;
  if (!isBranchTemplate(template))
    throw new TypeError(
      `expected a branch template that begins with claude/ and has {issue}, got ${template}`,
    );
  const slug = branchName({ issueNumber, title }).slice(`claude/${issueNumber}-`.length);
  const name = fill(template, String(issueNumber), slug);
  return suffix === undefined ? name : `${name}-${suffix}`;
}

const fill = (template: string, issue: string, slug: string): string =>
  template.replaceAll("{issue}", issue).replaceAll("{slug}", slug);
