import { expect, test } from "vitest";
import { earlierSettingsCommits, settingsAtCommit } from "../../src/github/settings-at-commit.ts";
import { findLastValid, maxSettingsWalk } from "../../src/github/settings-last-valid.ts";
import { gitRepository, type TestRepository } from "../support/git-repository.ts";

const path = ".github/remote-claude.yml";
const bad = { [path]: "setpu: x\n" };

/** What is in force at the repository's head. */
async function lookUp(repository: TestRepository) {
  const mirrorPath = repository.path;
  const sha = repository.git("rev-parse", "HEAD");
  return findLastValid({
    sha,
    read: (at) => settingsAtCommit({ mirrorPath, sha: at }),
    earlier: () => earlierSettingsCommits({ mirrorPath, sha, count: maxSettingsWalk }),
  });
}

test("a valid file is the one in force, and nothing earlier is looked at", async () => {
  const repository = await gitRepository(bad);
  const sha = await repository.commit({ [path]: "model: claude-opus-5\n" });
  expect(await lookUp(repository)).toMatchObject({
    used: { file: { model: "claude-opus-5" }, sha },
    problems: [],
  });
});

test("no file is no problem", async () => {
  expect(await lookUp(await gitRepository())).toMatchObject({ used: null, problems: [] });
});

test("the newest earlier valid file stands in for one that is not", async () => {
  const repository = await gitRepository({ [path]: "model: first\n" });
  const sha = await repository.commit({ [path]: "# second\nmodel: second\n" });
  await repository.commit({ "other.txt": "x" });
  await repository.commit(bad);
  await repository.commit({ [path]: "model: [\n" });
  await repository.commit({ "other.txt": "y" });
  const { used, problems } = await lookUp(repository);
  expect(used).toMatchObject({ file: { model: "second" }, sha });
  expect(used?.lineOf(["model"])).toBe(2);
  expect(problems).toMatchObject([{ line: 2, message: /^expected YAML/ }]);
});

test("a file that people had taken away does not come back", async () => {
  const repository = await gitRepository({ [path]: "model: first\n" });
  await repository.commit({ [path]: null });
  await repository.commit(bad);
  expect(await lookUp(repository)).toMatchObject({ used: null, problems: [{ line: 1 }] });
});

test("what stood only on a branch that was merged was never in force", async () => {
  const repository = await gitRepository({ [path]: "model: first\n" });
  const git = (...args: string[]) => repository.git(...args);
  const sha = git("rev-parse", "HEAD");
  git("switch", "--quiet", "--create", "side");
  await repository.commit({ [path]: "egress_hosts: [evil.example]\n" });
  await repository.commit(bad);
  git("switch", "--quiet", "main");
  await repository.commit({ "other.txt": "x" });
  git("merge", "--quiet", "--no-ff", "--message=merge", "side");
  expect(await lookUp(repository)).toMatchObject({ used: { file: { model: "first" }, sha }, problems: [{}] });
});

test("a merge that brought the valid file is found", async () => {
  const repository = await gitRepository();
  const git = (...args: string[]) => repository.git(...args);
  git("switch", "--quiet", "--create", "side");
  await repository.commit({ [path]: "model: merged\n" });
  git("switch", "--quiet", "main");
  await repository.commit({ "other.txt": "x" });
  git("merge", "--quiet", "--no-ff", "--message=merge", "side");
  const sha = git("rev-parse", "HEAD");
  await repository.commit(bad);
  expect(await lookUp(repository)).toMatchObject({ used: { file: { model: "merged" }, sha } });
});

test("the search ends after so many versions", async () => {
  const repository = await gitRepository({ [path]: "model: first\n" });
  for (let n = 0; n < maxSettingsWalk; n++) await repository.commit({ [path]: `wrong: ${n}\n` });
  expect(await lookUp(repository)).toMatchObject({ used: { file: { model: "first" } } });
  await repository.commit({ [path]: "wrong: too much\n" });
  expect(await lookUp(repository)).toMatchObject({ used: null, problems: [{ line: 1 }] });
}, 60_000);

test("however many versions there are, so many are read", async () => {
  const wrong = { ok: false as const, problems: [{ line: 1, message: "wrong" }] };
  const asked: string[] = [];
  const found = await findLastValid({
    sha: "newest",
    read: (sha) => Promise.resolve(asked.push(sha) > 0 ? wrong : null),
    earlier: () => Promise.resolve(Array.from({ length: 100 }, (_, n) => String(n))),
  });
  expect(found.used).toBeNull();
  expect(asked).toHaveLength(1 + maxSettingsWalk);
});
