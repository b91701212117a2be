import type { Octokit } from "@octokit/rest";
import { z } from "zod";
import { isMissing } from "./github-error.ts";
import { repoSettingsPath } from "./settings-at-commit.ts";
import {
  maxSettingsBytes,
  parseSettings,
  settingsProblem,
  tooLarge,
  type ParsedSettings,
} from "./settings-parse.ts";
import type { RepositoryRef } from "./thread.ts";

export type SettingsFileAt = {
  /** Of git: the same where the file is the same; null: there is none. */
  blob: string | null;
  parsed: ParsedSettings | null;
};

/** Of the contents API; above 1 MB it leaves the content out. */
const fileAnswer = z.object({
  type: z.literal("file"),
  size: z.number(),
  encoding: z.string(),
  content: z.string(),
});
const thing = z.object({ sha: z.string() });

/** The settings file at a commit, by one request to GitHub's API; rejects as Octokit does. */
export async function readSettingsFile(
  octokit: Octokit,
  input: { repository: RepositoryRef; at: string; signal?: AbortSignal },
): Promise<SettingsFileAt> {
  const { repository, at, signal } = input;
  const call = octokit.rest.repos.getContent({
    ...{ owner: repository.owner, repo: repository.name, path: repoSettingsPath, ref: at },
    ...(signal === undefined ? {} : { request: { signal } }),
  });
  const answer = await call.catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (answer === null) return { blob: null, parsed: null };
  const file = fileAnswer.safeParse(answer.data);
  if (!file.success) {
    // A folder's listing has no id of its own.
    const blob = thing.safeParse(answer.data).data?.sha ?? `folder at ${at}`;
    return { blob, parsed: settingsProblem("expected a file, got a link, folder or submodule") };
  }
  const { size, encoding, content } = file.data;
  const { sha: blob } = thing.parse(answer.data);
  if (size > maxSettingsBytes || encoding !== "base64")
    return { blob, parsed: settingsProblem(tooLarge(size)) };
  return { blob, parsed: parseSettings(Buffer.from(content, "base64")) };
}
