import type { IncomingMessage, ServerResponse } from "node:http";
import { escapeHtml } from "./escape-html.ts";
import { issueWebUrl } from "./facts-issues.ts";
import { forkPoint } from "./facts-pulls.ts";
import { gitOrNothing } from "./git.ts";
import { readDiff } from "./git-read.ts";
import { serveManifest } from "./manifest.ts";
import { serveAppPage } from "./page-app.ts";
import { serveSignIn } from "./sign-in.ts";
import type { Issue, Repository } from "./state.ts";
import { accountById, fullName, issueByNumber, repositoryByName } from "./world.ts";
import type { World } from "./world.ts";

type Exchange = { world: World; incoming: IncomingMessage; response: ServerResponse; url: URL };
type Page = { status: number; type: "html" | "plain"; body: string } | { location: string };

const missing: Page = { status: 404, type: "plain", body: "Not Found\n" };

/** What a person sees in a browser: threads and commits as plain HTML or text, and the pages that make and install an App. */
export async function servePage(exchange: Exchange): Promise<void> {
  const { world, response, url } = exchange;
  if (url.pathname.startsWith("/login/oauth/")) {
    await serveSignIn(exchange);
    return;
  }
  const manifest = /^(?:\/organizations\/([\w-]+))?\/settings\/apps\/new$/.exec(url.pathname);
  if (manifest !== null) {
    await serveManifest({ ...exchange, organization: manifest[1] });
    return;
  }
  const [, slug, install] = /^\/apps\/([\w-]+)(\/installations\/new)?$/.exec(url.pathname) ?? [];
  const app = [...world.apps.values()].find((candidate) => candidate.slug === slug);
  if (app !== undefined) {
    await serveAppPage({ ...exchange, app, isInstall: install !== undefined });
    return;
  }
  send(response, await repositoryPage(world, url.pathname));
}

function send(response: ServerResponse, page: Page): void {
  if ("location" in page) {
    response.writeHead(302, { location: page.location }).end();
    return;
  }
  response.writeHead(page.status, {
    "content-type": `text/${page.type}; charset=utf-8`,
    "content-security-policy": "default-src 'none'",
  });
  response.end(page.body);
}

async function repositoryPage(world: World, path: string): Promise<Page> {
  const [, owner = "", repo = "", kind, name = ""] =
    /^\/([\w.-]+)\/([\w.-]+)(?:\/(\w+)\/([\w.]+))?$/.exec(path) ?? [];
  const repository = repositoryByName(world, owner, repo);
  if (repository === undefined) return missing;
  if (kind === "commit") return await commitPage(repository, name);
  if (kind === "issues" || kind === "pull") return await threadPage(world, { repository, kind, name });
  return kind === undefined ? listPage(world, repository) : missing;
}

async function commitPage(repository: Repository, sha: string): Promise<Page> {
  const shown = /^[0-9a-f]{7,40}$/.test(sha)
    ? await gitOrNothing(repository.directory, ["show", sha, "--"])
    : undefined;
  return shown === undefined ? missing : { status: 200, type: "plain", body: shown.toString() };
}

function listPage(world: World, repository: Repository): Page {
  const rows = [...repository.issues.values()]
    .filter(({ deleted }) => !deleted)
    .map((issue) => {
      const title = escapeHtml(`#${issue.number} ${issue.title}`);
      return `<li><a href="${issueWebUrl(world, repository, issue)}">${title}</a> ${stateOf(issue)}</li>`;
    });
  const name = escapeHtml(fullName(world, repository));
  const body = `<!doctype html><meta charset="utf-8"><title>${name}</title><h1>${name}</h1><ul>${rows.join("\n")}</ul>\n`;
  return { status: 200, type: "html", body };
}

async function threadPage(
  world: World,
  input: { repository: Repository; kind: "issues" | "pull"; name: string },
): Promise<Page> {
  const { repository, kind, name } = input;
  const [, number, diff] = /^(\d+)(\.diff)?$/.exec(name) ?? [];
  const issue = issueByNumber(repository, Number(number));
  if (issue === undefined) return missing;
  if ((issue.pull !== null) !== (kind === "pull")) return { location: issueWebUrl(world, repository, issue) };
  const change = await diffOf(repository, issue);
  if (diff !== undefined) return { status: 200, type: "plain", body: change };
  return { status: 200, type: "html", body: renderThread(world, { repository, issue, change }) };
}

async function diffOf(repository: Repository, issue: Issue): Promise<string> {
  if (issue.pull === null) return "";
  return await readDiff(repository.directory, await forkPoint(repository, issue.pull), issue.pull.headSha);
}

function stateOf(issue: Issue): string {
  if (issue.pull?.mergedAt) return "merged";
  return issue.pull?.draft === true ? `${issue.state}, draft` : issue.state;
}

function renderThread(world: World, input: { repository: Repository; issue: Issue; change: string }): string {
  const { repository, issue, change } = input;
  const title = escapeHtml(`${issue.title} · #${issue.number} · ${fullName(world, repository)}`);
  const entries = [
    { author: issue.author, body: issue.body ?? "", createdAt: issue.createdAt },
    ...issue.comments,
  ];
  const articles = entries.map(({ author, body, createdAt }) => {
    const login = accountById(world, author.userId).login;
    return `<article><h2>${escapeHtml(login)} <small>${createdAt}</small></h2><pre>${escapeHtml(body)}</pre></article>`;
  });
  const labels = issue.labels.map((label) => ` · ${escapeHtml(label)}`).join("");
  const branches =
    issue.pull === null ? "" : `<p>${escapeHtml(`${issue.pull.baseRef} ← ${issue.pull.headRef}`)}</p>`;
  const files = change === "" ? "" : `<h2>Files changed</h2><pre>${escapeHtml(change)}</pre>`;
  return `<!doctype html><meta charset="utf-8"><title>${title}</title>
<h1>${title}</h1><p>${stateOf(issue)}${labels}</p>${branches}
${articles.join("\n")}
${files}
`;
}
