import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { buildCommit } from "../../src/github/build-commit.ts";
import { hostGit } from "../support/git-repository.ts";
import { testCheckout, type TestCheckout } from "../support/checkout.ts";
import { needBwrap } from "../support/need-bwrap.ts";

/** Takes the work out and builds the commit, as a turn does; gives `status path` of what is in it. */
async function publish(checkout: TestCheckout) {
  const taken = await checkout.take();
  if (taken.kind === "unchanged") return { taken, files: [], leftOut: [], read: () => "" };
  const built = await buildCommit({
    mirrorPath: checkout.mirrorPath,
    bundlePath: taken.path,
    tempDir: checkout.tempDir,
    parentSha: checkout.sha,
    author: { name: "bot", email: "bot@example.com" },
    date: new Date("2026-01-02T03:04:05Z"),
    message: "m",
  });
  return {
    taken,
    files: built.files.map(({ status, path }) => `${status} ${path}`),
    leftOut: built.leftOut,
    read: (path: string) => hostGit(built.quarantinePath, "show", `${built.commitSha}:${path}`),
  };
}

describe.each(["bwrap", "none"] as const)("work is taken out, isolation %s", (isolation) => {
  beforeEach((context) => (isolation === "bwrap" ? needBwrap(context) : undefined));

  test("as it stands in the files, committed or not, in a file of ours alone", async () => {
    const checkout = await testCheckout(
      { "a.txt": "a\n", "b.txt": "b\n", ".gitignore": "ignored\n" },
      { isolation },
    );
    await checkout.inRepo(
      "echo more >> a.txt; git commit -qam one; rm b.txt; echo c > c.txt; echo i > ignored",
    );
    const { taken, files } = await publish(checkout);
    expect(files).toEqual(["modified a.txt", "deleted b.txt", "added c.txt"]);
    if (taken.kind !== "bundle") throw new Error("expected a bundle");
    expect((await lstat(taken.path)).mode & 0o777).toBe(0o600);
    expect(taken.complaints).toBeNull();
    expect(
      await readdir(join(checkout.dataDir, "sandboxes", checkout.sandbox.id, "workspace", "tmp")),
    ).toEqual([]);
  });

  test("and nothing, when nothing changed", async () => {
    const { inRepo, take } = await testCheckout({ "a.txt": "a\n" }, { isolation });
    expect(await take()).toMatchObject({ kind: "unchanged" });
    await inRepo("echo x > x; git add x; git commit -qm x; git rm -q x; git commit -qm back; touch a.txt");
    expect(await take()).toMatchObject({ kind: "unchanged" });
  });
});

describe("whatever the agent did to its repository", () => {
  beforeEach(needBwrap);

  test.each([
    [
      "rewrote history",
      "git checkout -q --orphan new; git commit -qm rewritten; git branch -D claude/1-test",
    ],
    ["detached HEAD", "git commit -q --allow-empty -m x; git checkout -q --detach"],
    ["moved to another branch", "git checkout -q -b elsewhere"],
    ["deleted .git", "rm -rf .git"],
    ["deleted the objects", "rm -rf .git/objects/*"],
    ["broke the index", "head -c 100 /dev/zero > .git/index"],
    ["locked the index", "touch .git/index.lock .git/HEAD.lock"],
    ["made .git a link", "mv .git ../gitdir; ln -s ../gitdir .git"],
    ["made .git a link out", "rm -rf .git; ln -s /etc .git"],
    ["made .git a file", "mv .git ../gitdir; echo 'gitdir: ../gitdir' > .git"],
    [
      "hid the change from the index",
      "git update-index --assume-unchanged a.txt; git update-index --skip-worktree gone.txt",
    ],
    ["excluded everything", "echo '*' > .git/info/exclude; mkdir -p .git/info; echo '*' > .git/info/exclude"],
    ["used a worktree setting", "git config core.worktree /etc; git config core.bare true"],
    ["split the index", "git update-index --split-index"],
    [
      "started a merge",
      "git commit -q --allow-empty -m x; touch .git/MERGE_HEAD; echo x > .git/rebase-merge",
    ],
  ])("%s: the files count", async (_, act) => {
    const checkout = await testCheckout({ "a.txt": "a\n", "gone.txt": "x\n" });
    await checkout.inRepo(`mkdir -p .git/info; ${act}; echo b > a.txt; rm gone.txt; echo n > new.txt`);
    const { files, read } = await publish(checkout);
    expect(files).toEqual(["modified a.txt", "deleted gone.txt", "added new.txt"]);
    expect(read("a.txt")).toBe("b");
  });

  test("hid a change of the same length, made within the second of the checkout's index: the file counts", async () => {
    const checkout = await testCheckout({ "a.txt": "a\n" });
    const nextSecond = `until [ "$(date +%N | cut -c1)" = 0 ]; do sleep 0.02; done`;
    await checkout.inRepo(`
      ${nextSecond}; touch a.txt; git update-index --refresh; git update-index --assume-unchanged a.txt; echo b > a.txt
      sleep 0.2; ${nextSecond}`);
    const { files, read } = await publish(checkout);
    expect(files).toEqual(["modified a.txt"]);
    expect(read("a.txt")).toBe("b");
  });

  test("its hooks, filters, fsmonitor, signing and aliases do not run when the work is taken", async () => {
    const checkout = await testCheckout({ "a.txt": "a\n" });
    await checkout.inRepo(`
      printf '#!/bin/sh\\ntouch /workspace/ran\\ncat\\n' > /workspace/evil; chmod +x /workspace/evil
      mkdir -p .git/hooks; for h in pre-commit post-commit post-index-change reference-transaction pre-auto-gc; do cp /workspace/evil .git/hooks/$h; done
      git config core.hooksPath .git/hooks; git config core.fsmonitor /workspace/evil; git config commit.gpgsign true
      git config gpg.program /workspace/evil; git config filter.x.clean /workspace/evil; git config core.editor /workspace/evil
      git config alias.add '!/workspace/evil'; git config core.pager /workspace/evil; git config diff.external /workspace/evil
      cp .git/config $HOME/.gitconfig; mkdir -p $HOME/.config/git; cp .git/config $HOME/.config/git/config
      rm -f /workspace/ran; echo '* filter=x' > .gitattributes; echo b > a.txt`);
    await checkout.sandbox.remove("/workspace/ran");
    const { files, read } = await publish(checkout);
    expect(files).toEqual(["added .gitattributes", "modified a.txt"]);
    expect(read("a.txt")).toBe("b");
    expect(await checkout.sandbox.readFile("/workspace/ran", { maxBytes: 1 })).toBeNull();
  });

  test("untouched files stay as they are, also where attributes would store them otherwise", async () => {
    const checkout = await testCheckout({ "crlf.txt": "a\r\nb\r\n", "id.txt": "$Id$\n", "x.txt": "x\n" });
    await checkout.origin.commit({ ".gitattributes": "*.txt text=auto\nid.txt ident\n" });
    await checkout.update();
    const { sandbox, mirrorPath, tempDir, branch } = checkout;
    const sha = checkout.origin.git("rev-parse", "HEAD");
    await sandbox.remove(sandbox.paths.repo);
    const { checkOut } = await import("../../src/sandbox/git-in.ts");
    await checkOut(sandbox, {
      mirrorPath,
      sha,
      branch,
      remoteUrl: "https://github.com/o/r.git",
      depth: 50,
      tempDir,
    });
    expect(await checkout.take(sha)).toMatchObject({ kind: "unchanged" });
    await checkout.inRepo("echo y > x.txt");
    const { files } = await publish({ ...checkout, sha, take: () => checkout.take(sha) });
    expect(files).toEqual(["modified x.txt"]);
  });

  test("repositories in the repository come as submodules and are left out; broken ones are complained of", async () => {
    const checkout = await testCheckout({ "a.txt": "a\n" });
    await checkout.inRepo(`
      git init -q nested; git -C nested -c user.name=x -c user.email=x@x commit -q --allow-empty -m x; echo f > nested/f
      git init -q broken; echo f > broken/f; echo b > a.txt`);
    const { taken, files, leftOut } = await publish(checkout);
    expect(files).toEqual(["modified a.txt"]);
    expect(leftOut).toEqual([{ path: "nested", reason: "submodule" }]);
    expect(taken.kind === "bundle" ? taken.complaints : null).toContain("broken/");
  });

  test("links, pipes, unreadable files and odd names do no harm", async () => {
    const checkout = await testCheckout({ "a.txt": "a\n" });
    await checkout.inRepo(
      "ln -s /etc/passwd passwd; ln -s a.txt inside; mkfifo pipe; touch -- '-rf' '--all' 'a b' '\"q\"' ':(top)x'; echo b > a.txt",
    );
    const { files, leftOut } = await publish(checkout);
    expect(files).toEqual(
      [
        "modified a.txt",
        "added inside",
        'added "q"',
        "added --all",
        "added -rf",
        "added :(top)x",
        "added a b",
      ].sort((left, right) => ((left.split(" ")[1] ?? "") < (right.split(" ")[1] ?? "") ? -1 : 1)),
    );
    expect(leftOut).toEqual([{ path: "passwd", reason: "symlink-outside" }]);
  });

  test("a checkout that is gone is refused, and so is more than the limit", async () => {
    const { sandbox, inRepo, sh, sha, take, tempDir } = await testCheckout();
    await inRepo("head -c 3000000 /dev/urandom > big");
    const { takeBundle } = await import("../../src/sandbox/git-out.ts");
    const hostPath = join(tempDir, "big.bundle");
    const taking = takeBundle(sandbox, { baseSha: sha, maxBytes: 1_000_000, hostPath });
    await expect(taking).rejects.toMatchObject({ fault: "refused" });
    expect(await readdir(tempDir)).toEqual([]);
    await sh("rm -rf /workspace/repo");
    await expect(take()).rejects.toMatchObject({ fault: "refused" });
    await sh("rm -rf /workspace/tmp; ln -s /etc /workspace/tmp; mkdir /workspace/repo");
    await expect(take()).rejects.toMatchObject({ name: "SandboxError" });
  });
});
