import type { Octokit } from "@octokit/rest";
import { z } from "zod";
import type { Config, GitHubApp } from "../../config.ts";
import { TransientError, toError, UserError } from "../../errors.ts";
import { toGitHubError } from "../../github/github-error.ts";
import { createGitHub } from "../../github/octokit.ts";
import type { Logger } from "../../log.ts";

const levels = z.record(z.string(), z.string());
const answer = z.object({
  id: z.int(),
  slug: z.string(),
  name: z.string(),
  html_url: z.string(),
  owner: z.object({ login: z.string(), type: z.string().optional() }),
  permissions: levels,
  events: z.array(z.string()),
});

/** The App as GitHub has it. */
export type AppFacts = {
  octokit: Octokit;
  id: number;
  slug: string;
  name: string;
  htmlUrl: string;
  /** Where its owner changes it. */
  settingsUrl: string;
  permissions: Readonly<Record<string, string>>;
  events: readonly string[];
};

/** Signs in as the App; a UserError when GitHub is not to be reached or does not accept it. */
export async function readApp(input: {
  github: Config["github"];
  app: GitHubApp;
  log: Logger;
}): Promise<AppFacts> {
  const { github, app, log } = input;
  const { app: octokit } = createGitHub({ config: { github, app }, log });
  const { data } = await octokit.rest.apps.getAuthenticated().catch((error: unknown) => {
    throw explain(error, github);
  });
  const self = answer.parse(data);
  const owner = self.owner.type === "Organization" ? `/organizations/${self.owner.login}` : "";
  return {
    octokit,
    id: self.id,
    slug: self.slug,
    name: self.name,
    htmlUrl: self.html_url,
    settingsUrl: `${github.serverUrl}${owner}/settings/apps/${self.slug}`,
    permissions: self.permissions,
    events: self.events,
  };
}

function explain(thrown: unknown, github: Config["github"]): Error {
  const error = toGitHubError(thrown, "asking for the App by GET /app");
  if (error instanceof UserError) return error;
  if (error instanceof TransientError) {
    const cause = toError(error.cause ?? error);
    return new UserError(
      "github-unreachable",
      `Expected GitHub at ${github.apiUrl}, got: ${cause.message}.`,
      "Let this server reach it, or correct GITHUB_API_URL.",
      { cause: error },
    );
  }
  return new UserError(
    "private-key-unusable",
    `No request could be signed with PRIVATE_KEY: ${error.message}.`,
    "Make a new private key on the App's page and set it whole, with its BEGIN and END lines.",
    { cause: error },
  );
}
