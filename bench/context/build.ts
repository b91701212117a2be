import { z } from "zod";
import { createLogger } from "../../src/log.ts";
import { readConfig } from "../../src/config.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import { readPullDiff } from "../../src/github/pull-diff.ts";
import { readPull } from "../../src/github/read-pull.ts";
import { findBase } from "../../src/tasks/find-base.ts";
import { freezeContext } from "../../src/tasks/freeze-context.ts";
import { renderThread } from "../../src/tasks/prompt-thread.ts";

/** Builds the context of one pull request in a process of its own and prints what that took. */
const input = z
  .object({
    OWNER: z.string(),
    NAME: z.string(),
    REPOSITORY_ID: z.coerce.number(),
    NUMBER: z.coerce.number(),
  })
  .extend({ INSTALLATION_ID: z.coerce.number(), MIRROR: z.string() })
  .parse(process.env);
const config = readConfig(process.env);
const { app } = config;
if (app === null) throw new Error("expected an App");
const github = createGitHub({ config: { ...config, app }, log: createLogger(config, "bench") });
const repository = { owner: input.OWNER, name: input.NAME };
const client = await github.openRepository({
  installationId: input.INSTALLATION_ID,
  repositoryId: input.REPOSITORY_ID,
  permissions: { contents: "read", issues: "read", pull_requests: "read" },
});
const rssBefore = process.memoryUsage.rss();
const cpuBefore = process.cpuUsage();
const since = performance.now();
const pull = await readPull(client.octokit, { repository, number: input.NUMBER });
if (pull === null) throw new Error("expected the pull request");
const context = await freezeContext(client.octokit, {
  ...{ repository, pull, base: await findBase(client.octokit, { repository, pull }) },
  issue: { ...pull, html_url: pull.url, user: pull.author },
  ...{ requester: pull.author, triggeredAt: new Date(Date.now() + 60_000) },
});
const prompt = renderThread(context);
const frozenMs = performance.now() - since;
const cpu = process.cpuUsage(cpuBefore);
const diffSince = performance.now();
const diff = await readPullDiff({
  ...{ mirrorPath: input.MIRROR, baseSha: pull.base.sha, headSha: pull.head.sha, maxBytes: 2 ** 21 },
});
const diffMs = performance.now() - diffSince;
process.stdout.write(
  `${JSON.stringify({
    ...{ frozenMs, diffMs, cpuMs: (cpu.user + cpu.system) / 1_000 },
    grownMb: (process.resourceUsage().maxRSS * 1_024 - rssBefore) / 2 ** 20,
    ...{ comments: context.comments.length, older: context.olderComments },
    ...{ promptCharacters: prompt.length, files: diff.lines.size },
  })}\n`,
);
