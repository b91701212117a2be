import { join } from "node:path";
import { expect, test } from "vitest";
import { mergeTrees } from "../../src/github/merge-trees.ts";
import { openQuarantine } from "../../src/github/quarantine.ts";
import { revertCommits } from "../../src/github/revert-commits.ts";
import { gitRepository, hostGit, type TestRepository } from "../support/git-repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const text = {
  author: { name: "Bot", email: "bot@example.com" },
  date: new Date("2026-01-02T03:04:05Z"),
  message: "Take it back",
};

const lines = (...changed: [number, string][]) =>
  Array.from({ length: 12 }, (_, at) => changed.find(([line]) => line === at)?.[1] ?? `line ${at}`).join(
    "\n",
  );

async function revert(
  repository: TestRepository,
  input: { headSha: string; commits: { sha: string; parentSha: string }[] },
) {
  const mirrorPath = join(repository.path, ".git");
  return revertCommits({ ...text, ...input, mirrorPath, tempDir: await temporaryFolder() });
}

test("takes back what a commit did and keeps what a person pushed after it", async () => {
  const repository = await gitRepository({ "a.txt": lines() });
  const parentSha = repository.git("rev-parse", "HEAD");
  const sha = await repository.commit({ "a.txt": lines([1, "ours"]), "new.txt": "ours\n" });
  const headSha = await repository.commit({ "a.txt": lines([1, "ours"], [10, "theirs"]) });
  const reverted = await revert(repository, { headSha, commits: [{ sha, parentSha }] });
  if (reverted.kind !== "reverted") throw new Error(`expected a commit, got ${reverted.kind}`);
  const show = (path: string) => hostGit(reverted.quarantinePath, "show", `${reverted.commitSha}:${path}`);
  expect(show("a.txt")).toBe(lines([10, "theirs"]));
  expect(() => show("new.txt")).toThrow();
  expect(hostGit(reverted.quarantinePath, "rev-parse", `${reverted.commitSha}^`)).toBe(headSha);
  expect(reverted.files.map(({ path }) => path).sort()).toEqual(["a.txt", "new.txt"]);
});

test("takes back several, the newest first", async () => {
  const repository = await gitRepository({ "a.txt": "0\n" });
  const zero = repository.git("rev-parse", "HEAD");
  const one = await repository.commit({ "a.txt": "1\n" });
  const two = await repository.commit({ "a.txt": "2\n" });
  const commits = [
    { sha: two, parentSha: one },
    { sha: one, parentSha: zero },
  ];
  const reverted = await revert(repository, { headSha: two, commits });
  if (reverted.kind !== "reverted") throw new Error(`expected a commit, got ${reverted.kind}`);
  expect(hostGit(reverted.quarantinePath, "show", `${reverted.commitSha}:a.txt`)).toBe("0");
});

test("names the files where later work stands on it, and guesses nothing", async () => {
  const repository = await gitRepository({ "a.txt": lines() });
  const parentSha = repository.git("rev-parse", "HEAD");
  const sha = await repository.commit({ "a.txt": lines([1, "ours"]) });
  const headSha = await repository.commit({ "a.txt": lines([1, "ours, mended"]) });
  const reverted = await revert(repository, { headSha, commits: [{ sha, parentSha }] });
  expect(reverted).toEqual({ kind: "conflict", paths: ["a.txt"] });
});

test("finds nothing left where somebody has taken it back already", async () => {
  const repository = await gitRepository({ "a.txt": "0\n" });
  const parentSha = repository.git("rev-parse", "HEAD");
  const sha = await repository.commit({ "a.txt": "1\n" });
  const headSha = await repository.commit({ "a.txt": "0\n" });
  const reverted = await revert(repository, { headSha, commits: [{ sha, parentSha }] });
  expect(reverted).toEqual({ kind: "nothing-left" });
});

test("a merge says which paths collide and leaves git's marks in them", async () => {
  const repository = await gitRepository({ "a.txt": lines(), "dir/ö.txt": "x\n" });
  const base = repository.git("rev-parse", "HEAD");
  const ours = await repository.commit({ "a.txt": lines([3, "ours"]), "dir/ö.txt": "ours\n" });
  repository.git("checkout", "--quiet", base);
  const theirs = await repository.commit({ "a.txt": lines([9, "theirs"]), "dir/ö.txt": "theirs\n" });
  const tempDir = await temporaryFolder();
  const { git } = await openQuarantine({
    ...{ mirrorPath: join(repository.path, ".git"), tempDir, parentSha: base },
  });
  const merged = await mergeTrees(git, { base, ours, theirs });
  expect(merged.conflicts.map((path) => Buffer.from(path, "latin1").toString("utf8"))).toEqual(["dir/ö.txt"]);
  const at = async (path: string) =>
    (await git(["cat-file", "blob", `${merged.treeSha}:${path}`])).stdout.toString("utf8");
  expect(await at("a.txt")).toBe(lines([3, "ours"], [9, "theirs"]));
  expect(await at("dir/ö.txt")).toContain("<<<<<<<");
});
