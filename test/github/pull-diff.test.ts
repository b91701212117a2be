import { join } from "node:path";
import { expect, test } from "vitest";
import { readPullDiff } from "../../src/github/pull-diff.ts";
import { gitRepository } from "../support/git-repository.ts";

const read = async (
  files: [Record<string, string | null>, Record<string, string | null>],
  maxBytes = 1e6,
) => {
  const repository = await gitRepository(null);
  const baseSha = await repository.commit(files[0]);
  const headSha = await repository.commit(files[1]);
  return readPullDiff({ mirrorPath: join(repository.path, ".git"), baseSha, headSha, maxBytes });
};

const shown = (lines: ReadonlyMap<number, string> | undefined) => [...(lines ?? [])];

test("knows the lines that are added and taken away, by the numbers of their file", async () => {
  const { lines } = await read([
    { "a.txt": "1\n2\n3\n4\n5\n", "gone.txt": "x\n" },
    { "a.txt": "1\nzwei\n3\n4\n5\n6\n", "gone.txt": null, "new ö.txt": "--- a\n+++ b\n@@ -1 +1 @@\n" },
  ]);
  expect(shown(lines.get("a.txt")?.RIGHT)).toEqual([
    [2, "zwei"],
    [6, "6"],
  ]);
  expect(shown(lines.get("a.txt")?.LEFT)).toEqual([[2, "2"]]);
  expect(shown(lines.get("gone.txt")?.LEFT)).toEqual([[1, "x"]]);
  // Lines that look like a diff's own are lines of the file.
  expect(shown(lines.get("new ö.txt")?.RIGHT)).toEqual([
    [1, "--- a"],
    [2, "+++ b"],
    [3, "@@ -1 +1 @@"],
  ]);
  expect([...lines.keys()].sort()).toEqual(["a.txt", "gone.txt", "new ö.txt"]);
});

test("the base branch's own later commits are no part of the diff", async () => {
  const repository = await gitRepository({ "a.txt": "a\n" });
  repository.git("checkout", "--quiet", "-b", "work");
  const headSha = await repository.commit({ "b.txt": "b\n" });
  repository.git("checkout", "--quiet", "main");
  const baseSha = await repository.commit({ "c.txt": "c\n" });
  const at = { mirrorPath: join(repository.path, ".git"), baseSha, headSha, maxBytes: 1e6 };
  const { lines, patch, cut } = await readPullDiff(at);
  expect([...lines.keys()]).toEqual(["b.txt"]);
  expect(patch).toContain("+b");
  expect(cut).toBe(false);
  expect(await readPullDiff({ ...at, maxBytes: 10 })).toMatchObject({ cut: true, patch: patch.slice(0, 10) });
});
