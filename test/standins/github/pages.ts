import type { IncomingMessage, ServerResponse } from "node:http";
import { forkPoint } from "./facts-pulls.ts";
import { readDiff } from "./git-read.ts";
import { serveManifest } from "./manifest.ts";
import type { Issue, Repository } from "./state.ts";
import { accountById, fullName, issueByNumber, repositoryByName } from "./world.ts";
import type { World } from "./world.ts";

type Exchange = { world: World; incoming: IncomingMessage; response: ServerResponse; url: URL };

const threadPath = /^\/([\w.-]+)\/([\w.-]+)\/(issues|pull)\/(\d+)(\.diff)?$/;
const manifestPath = /^(?:\/organizations\/([\w-]+))?\/settings\/apps\/new$/;

/** What a person sees in a browser: a thread as plain HTML, and the page that takes an App manifest. */
export async function servePage(exchange: Exchange): Promise<void> {
  const { world, response, url } = exchange;
  const manifest = manifestPath.exec(url.pathname);
  if (manifest !== null) {
    await serveManifest({ ...exchange, organization: manifest[1] });
    return;
  }
  const [, owner = "", repo = "", kind, number, diff] = threadPath.exec(url.pathname) ?? [];
  const repository = repositoryByName(world, owner, repo);
  const issue = repository === undefined ? undefined : issueByNumber(repository, Number(number));
  if (repository === undefined || issue === undefined) {
    sendText(response, { status: 404, body: "Not Found\n" });
    return;
  }
  const isPull = issue.pull !== null;
  if (isPull !== (kind === "pull")) {
    response
      .writeHead(302, { location: `/${owner}/${repo}/${isPull ? "pull" : "issues"}/${issue.number}` })
      .end();
    return;
  }
  const change = issue.pull === null ? "" : await diffOf(repository, issue);
  if (diff !== undefined) {
    sendText(response, { status: 200, body: change });
    return;
  }
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'",
  });
  response.end(renderThread(world, { repository, issue, diff: change }));
}

async function diffOf(repository: Repository, issue: Issue): Promise<string> {
  if (issue.pull === null) return "";
  return await readDiff(repository.directory, await forkPoint(repository, issue.pull), issue.pull.headSha);
}

function sendText(response: ServerResponse, input: { status: number; body: string }): void {
  response.writeHead(input.status, { "content-type": "text/plain; charset=utf-8" });
  response.end(input.body);
}

function renderThread(world: World, input: { repository: Repository; issue: Issue; diff: string }): string {
  const { repository, issue, diff } = input;
  const state = issue.pull?.mergedAt ? "merged" : issue.pull?.draft ? `${issue.state}, draft` : issue.state;
  const title = `${issue.title} · #${issue.number} · ${fullName(world, repository)}`;
  const entries = [
    { author: issue.author, body: issue.body ?? "", createdAt: issue.createdAt },
    ...issue.comments,
  ];
  const articles = entries.map(({ author, body, createdAt }) => {
    const login = accountById(world, author.userId).login;
    return `<article><h2>${escape(login)} <small>${createdAt}</small></h2><pre>${escape(body)}</pre></article>`;
  });
  const change = diff === "" ? "" : `<h2>Files changed</h2><pre>${escape(diff)}</pre>`;
  const branches =
    issue.pull === null ? "" : `<p>${escape(`${issue.pull.baseRef} ← ${issue.pull.headRef}`)}</p>`;
  return `<!doctype html><meta charset="utf-8"><title>${escape(title)}</title>
<h1>${escape(title)}</h1><p>${state}${issue.labels.map((label) => ` · ${escape(label)}`).join("")}</p>${branches}
${articles.join("\n")}\n${change}\n`;
}

/** Text that shows as it stands in HTML. */
function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
