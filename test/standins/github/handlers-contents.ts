import { textOf } from "./call.ts";
import type { Answer, RepositoryCall } from "./call.ts";
import { revisionOf, showFile } from "./git.ts";
import { readTree } from "./git-read.ts";
import { HttpError, notFound } from "./http-error.ts";
import { text } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { fullName, must } from "./world.ts";
import type { World } from "./world.ts";

type Entry = Awaited<ReturnType<typeof readTree>>[number];

/** A file (as JSON with base64, or raw) or the listing of a folder, at a ref or the default branch. */
export async function getContent(world: World, call: RepositoryCall): Promise<Answer> {
  const { directory, defaultBranch } = call.repository;
  const path = textOf(call, "path").replace(/^\/+|\/+$/g, "");
  const ref = text(call.query["ref"]) ?? defaultBranch;
  const commit = await revisionOf(directory, ref);
  if (commit === undefined) {
    throw text(call.query["ref"]) === undefined
      ? new HttpError(404, "This repository is empty.")
      : new HttpError(404, `No commit found for the ref ${ref}`);
  }
  const [entry] = path === "" ? [] : await readTree(directory, commit, path);
  if (path !== "" && entry === undefined) throw notFound();
  if (entry === undefined || entry.type === "tree") {
    const entries = await readTree(directory, commit, path === "" ? "" : `${path}/`);
    return { status: 200, facts: entries.map((item) => entryFacts(world, call, { entry: item, ref })) };
  }
  return await fileAnswer(world, call, { entry, ref, commit });
}

async function fileAnswer(
  world: World,
  call: RepositoryCall,
  input: { entry: Entry; ref: string; commit: string },
): Promise<Answer> {
  const { entry, ref, commit } = input;
  const { directory } = call.repository;
  if (entry.type === "commit") return { status: 200, facts: entryFacts(world, call, { entry, ref }) };
  const content = must(await showFile(directory, commit, entry.path), `file ${entry.path}`);
  if (/[.+]raw\b/.test(call.accept)) {
    return { status: 200, raw: { type: "application/vnd.github.raw; charset=utf-8", data: content } };
  }
  const facts = entryFacts(world, call, { entry, ref });
  if (entry.mode === "120000") return { status: 200, facts: { ...facts, target: content.toString() } };
  return {
    status: 200,
    facts: { ...facts, encoding: "base64", content: wrapped(content.toString("base64")) },
  };
}

// GitHub breaks base64 after 60 characters.
function wrapped(base64: string): string {
  return base64.replace(/.{1,60}/g, "$&\n");
}

function entryFacts(world: World, call: RepositoryCall, input: { entry: Entry; ref: string }): JsonObject {
  const { entry, ref } = input;
  const name = fullName(world, call.repository);
  const path = entry.path.split("/").map(encodeURIComponent).join("/");
  const kinds: Record<string, string> = { tree: "dir", commit: "submodule" };
  const type = entry.mode === "120000" ? "symlink" : (kinds[entry.type] ?? "file");
  const self = `${world.apiUrl}/repos/${name}/contents/${path}?ref=${encodeURIComponent(ref)}`;
  const object = entry.type === "tree" ? "trees" : "blobs";
  const gitUrl = `${world.apiUrl}/repos/${name}/git/${object}/${entry.sha}`;
  const web = `${world.url}/${name}/${entry.type === "tree" ? "tree" : "blob"}/${encodeURIComponent(ref)}/${path}`;
  return {
    type,
    size: entry.size,
    name: entry.path.split("/").at(-1) ?? entry.path,
    path: entry.path,
    sha: entry.sha,
    url: self,
    git_url: gitUrl,
    html_url: web,
    download_url: type === "file" ? `${world.url}/raw/${name}/${encodeURIComponent(ref)}/${path}` : null,
    _links: { self, git: gitUrl, html: web },
  };
}
