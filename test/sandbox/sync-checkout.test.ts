import { beforeEach, expect, test } from "vitest";
import { syncCheckout } from "../../src/sandbox/sync-checkout.ts";
import { testCheckout, type TestCheckout } from "../support/checkout.ts";
import { needBwrap } from "../support/need-bwrap.ts";

beforeEach(needBwrap);

/** The checkout is brought to what the server has now; nothing was made of it before unless told. */
async function sync(checkout: TestCheckout, made = checkout.sha) {
  await checkout.update();
  const sha = checkout.origin.git("rev-parse", "HEAD");
  const { sandbox, mirrorPath, branch } = checkout;
  const result = await syncCheckout(sandbox, {
    mirrorPath,
    sha,
    presentSha: checkout.sha,
    madeSha: made,
    branch,
  });
  return { result, sha };
}

test("to the commit that was made of it: the files stay, git sees them as committed", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n", "protected.yml": "p\n" });
  await checkout.inRepo(
    "echo b > a.txt; echo evil > protected.yml; echo note > left.txt; git commit -qam 'its own'",
  );
  const made = await checkout.origin.commit({ "a.txt": "b\n" });
  const { result, sha } = await sync(checkout, made);
  expect(result).toEqual({ kind: "synced", kept: true });
  expect(await checkout.inRepo("git rev-parse HEAD; git branch --show-current; git status --porcelain")).toBe(
    `${sha}\n${checkout.branch}\n M protected.yml\n?? left.txt`,
  );
  expect(await checkout.inRepo("cat a.txt protected.yml left.txt")).toBe("b\nevil\nnote");
});

test("to what people pushed on top: theirs comes in, the agent's uncommitted files stay", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n" });
  await checkout.inRepo("echo agent > a.txt; echo note > left.txt");
  const made = await checkout.origin.commit({ "a.txt": "agent\n" });
  await checkout.origin.commit({ "b.txt": "person\n", "c.txt": null, "d.txt": "new\n" });
  const { result } = await sync(checkout, made);
  expect(result).toEqual({ kind: "synced", kept: true });
  expect(await checkout.inRepo("cat a.txt b.txt d.txt left.txt; ls; git status --porcelain")).toBe(
    "agent\nperson\nnew\nnote\na.txt\nb.txt\nd.txt\nleft.txt\n?? left.txt",
  );
});

test("where both changed a file, the pushed one wins and it is told", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n" });
  await checkout.inRepo("echo agent > a.txt; echo agent > d.txt; echo note > left.txt");
  await checkout.origin.commit({ "a.txt": "person\n", "d.txt": "person\n" });
  const { result } = await sync(checkout);
  expect(result).toEqual({ kind: "synced", kept: false });
  expect(await checkout.inRepo("cat a.txt d.txt left.txt")).toBe("person\nperson\nnote");
});

test("with nothing new it stays as it is", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n" });
  await checkout.inRepo("echo agent > a.txt; git commit -qam x; git checkout -q --detach");
  const { result, sha } = await sync(checkout);
  expect(result).toEqual({ kind: "synced", kept: true });
  expect(await checkout.inRepo("git rev-parse HEAD; cat a.txt; git branch --show-current")).toBe(
    `${sha}\nagent\n${checkout.branch}`,
  );
});

test("a merge of the base branch and the return of an old file come in whole", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n", "old.txt": "old\n" }, { commits: 3, depth: 2 });
  const { origin } = checkout;
  const made = await origin.commit({ "a.txt": "agent\n" });
  origin.git("checkout", "--quiet", "-b", "side", checkout.sha);
  await origin.commit({ "side.txt": "side\n", "old.txt": null });
  origin.git("checkout", "--quiet", "main");
  origin.git("merge", "--quiet", "--no-edit", "side");
  await origin.commit({ "old.txt": "old\n", "count.txt": "0\n" });
  await checkout.inRepo("echo agent > a.txt");
  const { result } = await sync(checkout, made);
  expect(result).toEqual({ kind: "synced", kept: true });
  expect(await checkout.inRepo("cat a.txt side.txt old.txt count.txt; git status --porcelain")).toBe(
    "agent\nside\nold\n0",
  );
  expect(await checkout.inRepo("git fsck --connectivity-only 2>&1 | grep -v dangling || true")).toBe("");
});

test.each([
  ["its .git is gone", "rm -rf .git"],
  ["its objects are gone", "rm -rf .git/objects/*"],
  ["it is gone itself", "rm -rf /workspace/repo"],
])("it is lost when %s", async (_, act) => {
  const checkout = await testCheckout({ "a.txt": "a\n" });
  await checkout.sh(act, { cwd: checkout.sandbox.paths.repo });
  await checkout.origin.commit({ "a.txt": "b\n" });
  expect((await sync(checkout)).result).toEqual({ kind: "lost" });
});

test("it is lost when what is new rests on commits that a shallow checkout does not have", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n" }, { commits: 6, depth: 2 });
  const { origin } = checkout;
  origin.git("checkout", "--quiet", "-b", "old", "HEAD~5");
  await origin.commit({ "side.txt": "side\n" });
  origin.git("checkout", "--quiet", "main");
  origin.git("merge", "--quiet", "--no-edit", "old");
  expect((await sync(checkout)).result).toEqual({ kind: "lost" });
});

test("it is lost when the mirror does not know the commits any more", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n" });
  expect((await sync(checkout, "1".repeat(40))).result).toEqual({ kind: "lost" });
});

test("hooks and filters of the agent's settings stay inside, and cannot keep the files from coming", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n" });
  await checkout.inRepo(
    "git config core.hooksPath /workspace/hooks; git config core.fsmonitor /workspace/evil; touch .git/index.lock",
  );
  await checkout.origin.commit({ "a.txt": "person\n" });
  expect((await sync(checkout)).result).toEqual({ kind: "synced", kept: true });
  expect(await checkout.inRepo("cat a.txt")).toBe("person");
});
