import { readdir } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { checkOut } from "../../src/sandbox/git-in.ts";
import { testCheckout } from "../support/checkout.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe.each(["bwrap", "none"] as const)("a checkout, isolation %s", (isolation) => {
  beforeEach((context) => (isolation === "bwrap" ? needBwrap(context) : undefined));

  test("has the commit on the branch, clean, with a plain origin and without any hook", async () => {
    const files = {
      "a.txt": "a\n",
      "run.sh": { script: "#!/bin/sh\n" },
      link: { link: "a.txt" },
      "ü 𝄞/x": "x",
    };
    const { inRepo, sha, branch, tempDir } = await testCheckout(files, { isolation });
    expect(await inRepo("git rev-parse HEAD; git branch --show-current; git status --porcelain")).toBe(
      `${sha}\n${branch}`,
    );
    expect(await inRepo("cat link; [ -x run.sh ] && echo executable; git remote -v")).toBe(
      "a\nexecutable\norigin\thttps://github.com/o/r.git (fetch)\norigin\thttps://github.com/o/r.git (push)",
    );
    expect(await inRepo("ls .git; ls .git/hooks 2>/dev/null | wc -l")).toMatch(/\n0$/);
    expect(await inRepo("git fsck --strict 2>&1")).not.toMatch(/error|missing/);
    expect(await readdir(tempDir)).toEqual([]);
  });

  test("lets the agent commit", async () => {
    const { inRepo } = await testCheckout(undefined, { isolation });
    expect(await inRepo("echo x > x; git add x; git commit -qm x; git log --oneline | wc -l")).toBe("2");
  });
});

describe("what is checked out", () => {
  beforeEach(needBwrap);

  test("is as deep as asked, and no deeper", async () => {
    const { inRepo } = await testCheckout(undefined, { depth: 3, commits: 9 });
    expect(await inRepo("git rev-list --count HEAD; cat count.txt")).toBe("3\n8");
  });

  test.each([1, 2, 3, 4, 9])("counts generations as git does, merges and all: %i deep", async (depth) => {
    const { sandbox, origin, mirrorPath, tempDir, inRepo, update } = await testCheckout(undefined, {
      commits: 4,
    });
    origin.git("checkout", "--quiet", "-b", "side", "HEAD~3");
    await origin.commit({ "side.txt": "1\n" });
    await origin.commit({ "side.txt": "2\n" });
    origin.git("checkout", "--quiet", "main");
    origin.git("merge", "--quiet", "--no-edit", "side");
    await update();
    await sandbox.remove(sandbox.paths.repo);
    const sha = origin.git("rev-parse", "HEAD");
    const remoteUrl = "https://github.com/o/r.git";
    await checkOut(sandbox, { mirrorPath, sha, branch: "claude/x", remoteUrl, depth, tempDir });
    const byGit = await temporaryFolder();
    const clone = ["clone", "--quiet", "--bare", `--depth=${depth}`, `file://${origin.path}`, byGit];
    origin.git(...clone);
    const expected = origin.git("--git-dir", byGit, "rev-list", "--parents", sha);
    expect(await inRepo("git rev-list --parents HEAD")).toBe(expected);
    expect(await inRepo("git fsck 2>&1 | grep -v dangling || true; git status --porcelain")).toBe("");
  });

  test("can be any commit of the mirror, a branch's head or not", async () => {
    const { sandbox, origin, mirrorPath, tempDir, inRepo } = await testCheckout(undefined, { commits: 4 });
    await sandbox.remove(sandbox.paths.repo);
    const sha = origin.git("rev-parse", "HEAD~2");
    const remoteUrl = "https://github.com/o/r.git";
    await checkOut(sandbox, { mirrorPath, sha, branch: "claude/x", remoteUrl, depth: 1, tempDir });
    expect(await inRepo("git rev-parse HEAD; cat count.txt")).toBe(`${sha}\n1`);
  });

  test("is refused when the mirror does not have it, and nothing is left behind", async () => {
    const { sandbox, mirrorPath, tempDir } = await testCheckout();
    await sandbox.remove(sandbox.paths.repo);
    const input = { mirrorPath, sha: "1".repeat(40), branch: "b", depth: 1, tempDir };
    const checkingOut = checkOut(sandbox, { ...input, remoteUrl: "https://github.com/o/r.git" });
    await expect(checkingOut).rejects.toMatchObject({ name: "TransientError" });
    expect(await readdir(tempDir)).toEqual([]);
  });

  test("never carries a credential in its origin", async () => {
    const { sandbox, mirrorPath, sha, tempDir } = await testCheckout();
    const remoteUrl = "https://x-access-token:ghs_x@github.com/o/r.git";
    const checkingOut = checkOut(sandbox, { mirrorPath, sha, branch: "b", remoteUrl, depth: 1, tempDir });
    await expect(checkingOut).rejects.toThrow(TypeError);
  });

  test("starts nothing of what the repository brings: hooks, filters, settings, attributes", async () => {
    const evil = { script: "#!/bin/sh\ntouch /workspace/ran $HOME/ran\ncat\n" };
    const { inRepo, sandbox } = await testCheckout({
      ".gitattributes": "* filter=evil diff=evil merge=evil\n",
      ".gitconfig": '[filter "evil"]\n\tsmudge = ./evil.sh\n\tclean = ./evil.sh\n',
      ".githooks/post-checkout": evil,
      "hooks/post-checkout": evil,
      "evil.sh": evil,
      ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = https://example.com/x.git\n',
    });
    expect(await inRepo("git status --porcelain")).toBe("");
    expect(await sandbox.readFile("/workspace/ran", { maxBytes: 1 })).toBeNull();
    expect(await sandbox.readFile("/home/agent/ran", { maxBytes: 1 })).toBeNull();
  });
});
