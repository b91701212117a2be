import { join } from "node:path";
import { expect, test } from "vitest";
import { buildCommit } from "../../src/github/build-commit.ts";
import { rebaseWork } from "../../src/github/rebase-work.ts";
import { gitRepository, hostGit, type TestRepository } from "../support/git-repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const lines = (...changed: [number, string][]) =>
  Array.from({ length: 12 }, (_, at) => changed.find(([line]) => line === at)?.[1] ?? `line ${at}`).join(
    "\n",
  );

async function carryOver(
  repository: TestRepository,
  { baseSha, work, onto }: { baseSha: string; work: Record<string, string>; onto: Record<string, string> },
) {
  const tempDir = await temporaryFolder();
  await repository.commit(work);
  const bundlePath = join(tempDir, "work.bundle");
  repository.git("branch", "-f", "work", "HEAD");
  repository.git("bundle", "create", "--quiet", "--version=2", bundlePath, "refs/heads/work", `^${baseSha}`);
  repository.git("checkout", "--quiet", baseSha);
  repository.git("branch", "-D", "work");
  const ontoSha = await repository.commit(onto);
  const mirrorPath = join(repository.path, ".git");
  const toPath = join(tempDir, "moved.bundle");
  const rebased = await rebaseWork({ mirrorPath, bundlePath, tempDir, baseSha, ontoSha, toPath });
  return { rebased, mirrorPath, toPath, ontoSha, tempDir };
}

test("the work is carried over to what was pushed meanwhile, and keeps both", async () => {
  const repository = await gitRepository({ "a.txt": lines(), "b.txt": "b\n" });
  const baseSha = repository.git("rev-parse", "HEAD");
  const { rebased, mirrorPath, toPath, ontoSha, tempDir } = await carryOver(repository, {
    baseSha,
    work: { "a.txt": lines([1, "ours"]), "new.txt": "ours\n" },
    onto: { "a.txt": lines([10, "theirs"]), "b.txt": "theirs\n" },
  });
  expect(rebased).toEqual({ conflicts: [] });
  const commit = await buildCommit({
    ...{ mirrorPath, tempDir, bundlePath: toPath, parentSha: ontoSha },
    author: { name: "Bot", email: "bot@example.com" },
    date: new Date("2026-01-02T03:04:05Z"),
    message: "Work",
  });
  const show = (path: string) => hostGit(commit.quarantinePath, "show", `${commit.commitSha}:${path}`);
  expect(show("a.txt")).toBe(lines([1, "ours"], [10, "theirs"]));
  expect(show("b.txt")).toBe("theirs");
  expect(commit.files.map(({ path }) => path).sort()).toEqual(["a.txt", "new.txt"]);
  expect(hostGit(commit.quarantinePath, "rev-parse", `${commit.commitSha}^`)).toBe(ontoSha);
});

test("where both changed the same lines it says which files", async () => {
  const repository = await gitRepository({ "a.txt": lines() });
  const { rebased } = await carryOver(repository, {
    baseSha: repository.git("rev-parse", "HEAD"),
    work: { "a.txt": lines([1, "ours"]) },
    onto: { "a.txt": lines([1, "theirs"]) },
  });
  expect(rebased).toEqual({ conflicts: ["a.txt"] });
});
