import type { Octokit } from "@octokit/rest";
import { UserError } from "../errors.ts";
import type { PullFacts } from "../github/read-pull.ts";
import { readBase, type RepositoryRef } from "../github/thread.ts";
import type { FrozenContext } from "./frozen-context.ts";

export type FindBaseInput = {
  repository: RepositoryRef;
  /** The branch asked for with --base. */
  wantedBase?: string | undefined;
  /** The branch that the conversation's work is for; the default branch where absent or gone. */
  usualBase?: string;
  /** As GitHub has it now, where the thread is a pull request's. */
  pull?: PullFacts;
};

/**
 * The branch that work starts from, with its head now. The base of a pull request is its own; where that branch is gone, its
 * last commit is still there. UserError when there is none.
 */
export async function findBase(octokit: Octokit, input: FindBaseInput): Promise<FrozenContext["base"]> {
  const { repository, pull, usualBase } = input;
  const read = (wanted?: string) =>
    readBase(octokit, { repository, ...(wanted === undefined ? {} : { wanted }) });
  const asked = pull?.base.ref ?? input.wantedBase;
  const usual = asked === undefined && usualBase !== undefined ? await read(usualBase) : null;
  const base = usual ?? (await read(asked));
  if (base !== null) return base;
  if (pull !== undefined) return { ref: pull.base.ref, sha: pull.base.sha };
  throw noBase(input);
}

function noBase(input: FindBaseInput): UserError {
  const { owner, name } = input.repository;
  if (input.wantedBase !== undefined) {
    return new UserError(
      "no-such-base",
      `There is no branch \`${input.wantedBase.replaceAll("`", "")}\` in ${owner}/${name}.`,
      "Check the name after `--base` and write the command again.",
    );
  }
  return new UserError(
    "empty-repository",
    `${owner}/${name} has no commit yet, so there is nothing to start from.`,
    "Push a first commit (a README is enough) and write the command again.",
  );
}
