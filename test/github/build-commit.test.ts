import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildCommit, type BuildCommitInput } from "../../src/github/build-commit.ts";
import { updateMirror } from "../../src/github/mirror.ts";
import { gitRepository, hostGit, type TestFile, type TestRepository } from "../support/git-repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** A mirror of a repository, and the work of an agent on it as a bundle. */
async function setUp(base: Record<string, TestFile> = { "README.md": "hello\n" }) {
  const repository = await gitRepository(base);
  const parentSha = repository.git("rev-parse", "HEAD");
  const dataDir = await temporaryFolder();
  const remoteUrl = `file://${repository.path}`;
  const mirror = await updateMirror({ dataDir, repositoryId: 1, remoteUrl, token: null });
  const bundlePath = join(dataDir, "work.bundle");
  const build = (changes: Partial<BuildCommitInput> = {}) =>
    buildCommit({
      mirrorPath: mirror.path,
      bundlePath,
      tempDir: dataDir,
      parentSha,
      author: { name: "bot[bot]", email: "1+bot[bot]@users.noreply.github.com" },
      date: new Date("2026-01-02T03:04:05Z"),
      message: "Do it\n\nRemote-Claude-Task: 1\n",
      ...changes,
    });
  const work = async (files: Record<string, TestFile>) => {
    await repository.commit(files);
    bundle(repository, bundlePath, parentSha);
  };
  return { repository, parentSha, dataDir, mirror, bundlePath, build, work };
}

function bundle(repository: TestRepository, path: string, parentSha: string): void {
  repository.git("update-ref", "refs/heads/work", "HEAD");
  repository.git("bundle", "create", "--quiet", path, `^${parentSha}`, "refs/heads/work");
}

const show = (path: string, ...args: string[]) => hostGit(path, ...args);

test("the commit is the bot's own: one parent, its author, date and message, the agent's files", async () => {
  const { parentSha, build, work } = await setUp();
  await work({
    "README.md": "hello\nworld\n",
    "src/new.ts": "1\n2\n",
    "logo.png": new Uint8Array([0, 1, 2, 0]),
  });
  const built = await build();
  expect(built).toMatchObject({
    unchanged: false,
    leftOut: [],
    leftOutPatch: null,
    files: [
      { path: "README.md", status: "modified", additions: 1, deletions: 0 },
      { path: "logo.png", status: "added", additions: null, deletions: null },
      { path: "src/new.ts", status: "added", additions: 2, deletions: 0 },
    ],
  });
  const format = "--format=%P|%an|%ae|%at|%cn|%ce|%ct|%B";
  expect(show(built.quarantinePath, "show", "--no-patch", format, built.commitSha)).toBe(
    `${parentSha}|bot[bot]|1+bot[bot]@users.noreply.github.com|1767323045|bot[bot]|1+bot[bot]@users.noreply.github.com|1767323045|Do it\n\nRemote-Claude-Task: 1\n`,
  );
});

test("a second build of the same work gives the very same commit", async () => {
  const { build, work } = await setUp();
  await work({ "a.txt": "a" });
  const [first, second] = [await build(), await build()];
  expect(second.commitSha).toBe(first.commitSha);
  expect(second.quarantinePath).not.toBe(first.quarantinePath);
});

test("work without a change is unchanged, and so is work of which all is left out", async () => {
  const { parentSha, build, work } = await setUp({ ".github/workflows/ci.yml": "on: push\n" });
  await work({});
  expect(await build()).toMatchObject({ unchanged: true, commitSha: parentSha, files: [], leftOut: [] });
});

test("a tree on no parent at all is taken as well: only the files count", async () => {
  const { repository, build, bundlePath } = await setUp({ "a.txt": "a\n", "b.txt": "b\n" });
  repository.git("checkout", "--quiet", "--orphan", "lost");
  repository.git("rm", "--quiet", "-f", "b.txt");
  await repository.commit({ "a.txt": "changed\n" });
  repository.git("bundle", "create", "--quiet", bundlePath, "HEAD");
  repository.git("branch", "work");
  repository.git("bundle", "create", "--quiet", bundlePath, "refs/heads/work");
  const built = await build();
  expect(built.files).toEqual([
    { path: "a.txt", status: "modified", additions: 1, deletions: 1 },
    { path: "b.txt", status: "deleted", additions: 0, deletions: 1 },
  ]);
});

describe("protected paths stay as the parent has them", () => {
  const workflow = ".github/workflows/ci.yml";

  test.each<[string, Record<string, TestFile>, { path: string; reason: string }[]]>([
    ["changed", { [workflow]: "evil\n" }, [{ path: workflow, reason: "protected" }]],
    ["deleted", { [workflow]: null }, [{ path: workflow, reason: "protected" }]],
    [
      "added",
      { ".github/workflows/new.yml": "evil\n" },
      [{ path: ".github/workflows/new.yml", reason: "protected" }],
    ],
    [
      "in other case",
      { ".GitHub/Workflows/x.yml": "evil\n" },
      [{ path: ".GitHub/Workflows/x.yml", reason: "protected" }],
    ],
    [
      "with an invisible character",
      { ".github/work\u200cflows/x.yml": "evil\n" },
      [{ path: ".github/work\u200cflows/x.yml", reason: "protected" }],
    ],
    [
      "folder replaced by a link",
      { ".github/workflows": { link: "../elsewhere" }, "elsewhere/ci.yml": "evil\n" },
      [
        { path: ".github/workflows", reason: "protected" },
        { path: workflow, reason: "protected" },
      ],
    ],
    [
      "parent replaced by a file",
      { ".github": "gone\n" },
      [
        { path: ".github", reason: "protected" },
        { path: workflow, reason: "protected" },
      ],
    ],
    ["made executable", { [workflow]: { script: "on: push\n" } }, [{ path: workflow, reason: "protected" }]],
  ])("%s", async (_, changes, leftOut) => {
    const { parentSha, build, work } = await setUp({ [workflow]: "on: push\n", "a.txt": "a\n" });
    await work({ ...changes, "a.txt": "b\n" });
    const built = await build();
    expect(built.leftOut).toEqual(leftOut);
    const touched = show(built.quarantinePath, "diff", "--name-only", parentSha, built.commitSha).split("\n");
    expect(touched.filter((path) => path !== "a.txt" && !path.startsWith("elsewhere/"))).toEqual([]);
    expect(show(built.quarantinePath, "show", `${built.commitSha}:${workflow}`)).toBe("on: push");
    expect(built.leftOutPatch).toContain("diff --git");
  });

  test("the patch of what was left out applies on top of the commit", async () => {
    const { repository, parentSha, build, work } = await setUp({ [workflow]: "on: push\n" });
    await work({ [workflow]: "on: pull_request\n" });
    const { leftOutPatch } = await build();
    repository.git("checkout", "--quiet", "--force", parentSha);
    await writeFile(join(repository.path, "left.patch"), leftOutPatch ?? "");
    repository.git("apply", "left.patch");
    expect(repository.git("diff", "--stat")).toContain(workflow);
  });
});

test("links out of the repository, submodules and too large files are left out with their reason", async () => {
  const { repository, build, bundlePath, parentSha } = await setUp({ "dir/a.txt": "a\n" });
  await repository.commit({
    "dir/inside": { link: "../dir/a.txt" },
    "dir/absolute": { link: "/etc/passwd" },
    "dir/climbing": { link: "../../x" },
    "dir/settings": { link: "../.git/config" },
    "big.bin": new Uint8Array(2_000),
    "ok.txt": "ok\n",
  });
  repository.git("update-index", "--add", "--cacheinfo", `160000,${parentSha},vendor/module`);
  repository.git("commit", "--quiet", "-m", "submodule");
  bundle(repository, bundlePath, parentSha);
  const built = await build({ policy: { maxFileBytes: 1_000 } });
  expect(built.leftOut).toEqual([
    { path: "big.bin", reason: "too-large" },
    { path: "dir/absolute", reason: "symlink-outside" },
    { path: "dir/climbing", reason: "symlink-outside" },
    { path: "dir/settings", reason: "symlink-outside" },
    { path: "vendor/module", reason: "submodule" },
  ]);
  expect(built.files.map(({ path }) => path)).toEqual(["dir/inside", "ok.txt"]);
});

test("a submodule of the parent that was replaced by files stays, and its files are left out", async () => {
  const repository = await gitRepository({ "a.txt": "a\n" });
  const pointed = repository.git("rev-parse", "HEAD");
  repository.git("update-index", "--add", "--cacheinfo", `160000,${pointed},module`);
  repository.git("commit", "--quiet", "-m", "submodule");
  const parentSha = repository.git("rev-parse", "HEAD");
  const dataDir = await temporaryFolder();
  const remoteUrl = `file://${repository.path}`;
  const mirror = await updateMirror({ dataDir, repositoryId: 1, remoteUrl, token: null });
  repository.git("rm", "--quiet", "--cached", "module");
  await repository.commit({ "module/file.txt": "x\n", "a.txt": "b\n" });
  const bundlePath = join(dataDir, "work.bundle");
  bundle(repository, bundlePath, parentSha);
  const built = await buildCommit({
    mirrorPath: mirror.path,
    bundlePath,
    tempDir: dataDir,
    parentSha,
    author: { name: "b", email: "b@example.com" },
    date: new Date(0),
    message: "m",
  });
  expect(built.leftOut).toEqual([
    { path: "module", reason: "submodule" },
    { path: "module/file.txt", reason: "conflict" },
  ]);
  expect(show(built.quarantinePath, "ls-tree", built.commitSha, "module")).toContain(
    `160000 commit ${pointed}`,
  );
});

test("names that are no text are left out", async () => {
  const { repository, build, bundlePath, parentSha } = await setUp();
  await writeFile(Buffer.concat([Buffer.from(`${repository.path}/bad-`), Buffer.from([0xff])]), "x");
  await repository.commit({ "line\nbreak.txt": "x", "ü 𝄞.txt": "x" });
  bundle(repository, bundlePath, parentSha);
  const built = await build();
  expect(built.leftOut.map(({ reason }) => reason)).toEqual(["bad-name", "bad-name"]);
  expect(built.files.map(({ path }) => path)).toEqual(["ü 𝄞.txt"]);
});

describe("work that is not accepted as a whole", () => {
  test("too many files, too many bytes, too large a bundle", async () => {
    const { build, work } = await setUp();
    await work(Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`f${n}.txt`, `${n}`.repeat(100)])));
    await expect(build({ policy: { maxFiles: 10 } })).rejects.toMatchObject({ code: "work-too-many-files" });
    await expect(build({ policy: { maxTotalBytes: 500 } })).rejects.toMatchObject({ code: "work-too-large" });
    await expect(build({ policy: { maxBundleBytes: 100 } })).rejects.toMatchObject({
      code: "work-too-large",
    });
  });

  test("a link, a folder, noise and a cut bundle", async () => {
    const { build, work, bundlePath, dataDir } = await setUp();
    await work({ "a.txt": "a" });
    const link = join(dataDir, "link");
    await symlink(bundlePath, link);
    await mkdir(join(dataDir, "folder"));
    await writeFile(join(dataDir, "noise"), "# v2 git bundle\n\x00\x01");
    const { readFile } = await import("node:fs/promises");
    const whole = await readFile(bundlePath);
    await writeFile(join(dataDir, "cut"), whole.subarray(0, whole.length - 30));
    for (const name of ["link", "folder", "noise", "cut"]) {
      const input = { bundlePath: join(dataDir, name) };
      await expect(build(input), name).rejects.toMatchObject({ code: "work-invalid" });
    }
  });

  test("another ref, or one more", async () => {
    const { repository, build, bundlePath, parentSha } = await setUp();
    await repository.commit({ "a.txt": "a" });
    repository.git("branch", "work");
    repository.git("bundle", "create", "--quiet", bundlePath, `^${parentSha}`, "main");
    await expect(build()).rejects.toMatchObject({ code: "work-invalid" });
    repository.git("bundle", "create", "--quiet", bundlePath, `^${parentSha}`, "main", "refs/heads/work");
    await expect(build()).rejects.toMatchObject({ code: "work-invalid" });
  });

  test.each([".git", ".GIT", "git~1", ".g\u200cit"])(
    "a tree with %j in it, made past git's own checks",
    async (name) => {
      const { repository, build, bundlePath, parentSha } = await setUp();
      const blob = repository.git("rev-parse", "HEAD:README.md");
      const tree = makeTree(repository, [["100644", blob, "config"]]);
      const root = makeTree(repository, [["40000", tree, name]]);
      const commit = repository.git("commit-tree", root, "-p", parentSha, "-m", "x");
      repository.git("update-ref", "refs/heads/work", commit);
      repository.git("bundle", "create", "--quiet", bundlePath, `^${parentSha}`, "refs/heads/work");
      await expect(build()).rejects.toMatchObject({ code: "work-invalid" });
    },
  );

  test("a bundle that stands on commits which the mirror does not have", async () => {
    const { repository, build, bundlePath } = await setUp();
    const unknown = await repository.commit({ "a.txt": "a" });
    await repository.commit({ "b.txt": "b" });
    bundle(repository, bundlePath, unknown);
    await expect(build()).rejects.toMatchObject({ code: "work-invalid" });
  });
});

test("a small bundle that unpacks into very much more is bounded", async () => {
  const { repository, build, bundlePath, parentSha } = await setUp();
  const { execFileSync } = await import("node:child_process");
  execFileSync("truncate", ["-s", "256M", join(repository.path, "bomb")]);
  repository.git("config", "core.bigFileThreshold", "1m");
  await repository.commit({});
  bundle(repository, bundlePath, parentSha);
  const built = await build();
  expect(built).toMatchObject({ unchanged: true, leftOut: [{ path: "bomb", reason: "too-large" }] });
}, 60_000);

test("the mirror stays as it was, whatever the bundle brings", async () => {
  const { mirror, build, work } = await setUp();
  const before = [await readdir(mirror.path, { recursive: true }), show(mirror.path, "for-each-ref")];
  await work({ "a.txt": "a" });
  await build();
  expect([await readdir(mirror.path, { recursive: true }), show(mirror.path, "for-each-ref")]).toEqual(
    before,
  );
});

/** git mktree refuses bad names, so the object is written as it stands. */
function makeTree(repository: TestRepository, entries: [mode: string, sha: string, name: string][]): string {
  const body = Buffer.concat(
    entries.flatMap(([mode, sha, name]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(sha, "hex")]),
  );
  const path = join(repository.path, ".git", "tree-object");
  const { writeFileSync } = process.getBuiltinModule("node:fs");
  writeFileSync(path, body);
  return repository.git("hash-object", "-t", "tree", "-w", "--literally", path);
}
