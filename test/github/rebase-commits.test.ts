import { join } from "node:path";
import { expect, test } from "vitest";
import { rebaseCommits } from "../../src/github/rebase-commits.ts";
import { gitRepository, hostGit, type TestRepository } from "../support/git-repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const lines = (...changed: [number, string][]) =>
  Array.from({ length: 12 }, (_, at) => changed.find(([line]) => line === at)?.[1] ?? `line ${at}`).join(
    "\n",
  );

/** main and work both go on from one commit; ends on work. */
async function diverge(
  main: Record<string, string>[],
  work: Record<string, string>[],
): Promise<{ repository: TestRepository; ontoSha: string; headSha: string }> {
  const repository = await gitRepository({ "a.txt": lines(), "b.txt": "b\n" });
  repository.git("checkout", "--quiet", "-b", "work");
  let headSha = "";
  for (const [at, files] of work.entries()) headSha = await repository.commit(files, `Work ${at + 1}`);
  repository.git("checkout", "--quiet", "main");
  let ontoSha = repository.git("rev-parse", "HEAD");
  for (const files of main) ontoSha = await repository.commit(files, "Main");
  repository.git("checkout", "--quiet", "work");
  return { repository, ontoSha, headSha };
}

async function rebase(repository: TestRepository, shas: { ontoSha: string; headSha: string }) {
  return rebaseCommits({
    ...shas,
    mirrorPath: join(repository.path, ".git"),
    tempDir: await temporaryFolder(),
    committer: { name: "Bot", email: "bot@example.com" },
    date: new Date("2026-01-02T03:04:05Z"),
  });
}

test("each commit comes onto the base with its author, date and message, and a repetition is the very same", async () => {
  const { repository, ...shas } = await diverge(
    [{ "a.txt": lines([1, "main"]) }],
    [{ "a.txt": lines([9, "work"]) }, { "new.txt": "new\n" }],
  );
  const rebased = await rebase(repository, shas);
  if (rebased.kind !== "rebased") throw new Error(`expected a rebase, got ${rebased.kind}`);
  const log = (format: string, ...range: string[]) =>
    hostGit(rebased.quarantinePath, "log", `--format=${format}`, ...range);
  expect(log("%s|%an|%cn", `${shas.ontoSha}..${rebased.sha}`).split("\n")).toEqual([
    "Work 2|Ada|Bot",
    "Work 1|Ada|Bot",
  ]);
  expect(log("%ad", "-1", rebased.sha)).toBe(log("%ad", "-1", shas.headSha));
  expect(hostGit(rebased.quarantinePath, "show", `${rebased.sha}:a.txt`)).toBe(
    lines([1, "main"], [9, "work"]),
  );
  expect(await rebase(repository, shas)).toMatchObject({ sha: rebased.sha, commits: 2 });
});

test("a branch that stands on its base stays as it is", async () => {
  const { repository, ...shas } = await diverge([], [{ "new.txt": "new\n" }]);
  expect(await rebase(repository, shas)).toMatchObject({ kind: "up-to-date" });
});

test("what the base has meanwhile is left out, and merges of the base are dropped", async () => {
  const { repository, ontoSha } = await diverge([{ "b.txt": "same\n" }], [{ "b.txt": "same\n" }]);
  repository.git("merge", "--quiet", "--no-edit", "main");
  const headSha = await repository.commit({ "new.txt": "new\n" }, "Work 2");
  const later = await (async () => {
    repository.git("checkout", "--quiet", "main");
    return repository.commit({ "c.txt": "c\n" }, "Main 2");
  })();
  const rebased = await rebase(repository, { ontoSha: later, headSha });
  if (rebased.kind !== "rebased") throw new Error(`expected a rebase, got ${rebased.kind}`);
  expect(hostGit(rebased.quarantinePath, "log", "--format=%s", `${later}..${rebased.sha}`)).toBe("Work 2");
  expect(ontoSha).not.toBe(later);
});

test("from the first collision on, the rest is one commit with git's marks in the files that collide", async () => {
  const { repository, ...shas } = await diverge(
    [{ "a.txt": lines([5, "main"]) }],
    [{ "new.txt": "new\n" }, { "a.txt": lines([5, "work"]) }, { "later.txt": "later\n" }],
  );
  const rebased = await rebase(repository, shas);
  if (rebased.kind !== "conflict") throw new Error(`expected a conflict, got ${rebased.kind}`);
  expect(rebased).toMatchObject({ paths: ["a.txt"], titles: ["Work 2", "Work 3"], commits: 2 });
  const { quarantinePath, tipSha, markedSha } = rebased;
  expect(hostGit(quarantinePath, "log", "--format=%s", `${shas.ontoSha}..${tipSha}`)).toBe("Work 1");
  expect(hostGit(quarantinePath, "rev-parse", `${markedSha}^`)).toBe(tipSha);
  expect(hostGit(quarantinePath, "show", `${markedSha}:a.txt`)).toMatch(
    /<{7} [^]*main[^]*={7}[^]*work[^]*>{7} /,
  );
  expect(hostGit(quarantinePath, "show", `${markedSha}:later.txt`)).toBe("later");
});
