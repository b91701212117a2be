import { beforeEach, expect, test } from "vitest";
import { checkOut } from "../../src/sandbox/git-in.ts";
import { putWork } from "../../src/sandbox/put-work.ts";
import { testCheckout, type TestCheckout } from "../support/checkout.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { readCheckoutState } from "../support/read-checkout-state.ts";

beforeEach(needBwrap);

const transcriptPath = "/home/agent/talk.jsonl";

const stateOf = ({ sandbox, sha }: TestCheckout) =>
  readCheckoutState(sandbox, { baseSha: sha, transcriptPath });

/** The work is taken out, the checkout destroyed, and the work put into a new one. */
async function moveHouse(checkout: TestCheckout): Promise<void> {
  const taken = await checkout.take();
  if (taken.kind !== "bundle") throw new Error("expected work to move");
  await checkout.sandbox.remove(checkout.sandbox.paths.repo);
  await checkOut(checkout.sandbox, {
    mirrorPath: checkout.mirrorPath,
    sha: checkout.sha,
    branch: checkout.branch,
    remoteUrl: "https://github.com/o/r.git",
    depth: 50,
    tempDir: checkout.tempDir,
  });
  await putWork(checkout.sandbox, { bundlePath: taken.path, treeSha: taken.treeSha });
}

const somethingOfEverything = `
echo changed > a.txt; rm b.txt; mkdir -p new/deep; echo n > 'new/deep/with space and ü'; ln -s ../outside link
printf 'x\\000y' > binary; chmod +x run.sh; git commit -qam 'its own commit'; echo staged > staged.txt; git add staged.txt
echo secret > ignored.log`;

test("uncommitted, committed, staged, deleted and odd files are there again; ignored ones are not", async () => {
  const checkout = await testCheckout({
    "a.txt": "a\n",
    "b.txt": "b\n",
    "run.sh": "#!/bin/sh\n",
    ".gitignore": "*.log\n",
  });
  await checkout.inRepo(somethingOfEverything);
  const before = await stateOf(checkout);
  await moveHouse(checkout);
  expect(await stateOf(checkout)).toEqual(before);
  expect(
    await checkout.inRepo("git rev-parse HEAD; git status --porcelain; ls ignored.log 2>/dev/null || true"),
  ).toBe(
    [
      checkout.sha,
      " M a.txt",
      " D b.txt",
      " M run.sh",
      "?? binary",
      "?? link",
      "?? new/",
      "?? staged.txt",
    ].join("\n"),
  );
  expect(await checkout.inRepo("readlink link; cat 'new/deep/with space and ü'")).toBe("../outside\nn");
});

test("a checkout whose base the agent destroyed moves as well", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n" });
  await checkout.inRepo("echo kept > kept.txt; rm -rf .git/objects; git init -q .");
  await moveHouse(checkout);
  expect(await checkout.inRepo("cat kept.txt a.txt")).toBe("kept\na");
});

test("the state tells every change of a file and of the conversation, and is stable otherwise", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n" });
  const first = await stateOf(checkout);
  expect(first).toMatchObject({ transcriptSha256: null });
  expect(await stateOf(checkout)).toEqual(first);
  await checkout.inRepo("echo b > a.txt");
  const second = await stateOf(checkout);
  expect(second?.treeSha).not.toBe(first?.treeSha);
  await checkout.sandbox.writeFile(transcriptPath, "talk");
  const third = await stateOf(checkout);
  expect(third).toEqual({ ...second, transcriptSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  await checkout.sandbox.remove(checkout.sandbox.paths.repo);
  expect(await stateOf(checkout)).toBeNull();
});

test("a bundle that holds something else is refused", async () => {
  const checkout = await testCheckout({ "a.txt": "a\n" });
  await checkout.inRepo("echo b > a.txt");
  const taken = await checkout.take();
  if (taken.kind !== "bundle") throw new Error("expected work");
  const putting = putWork(checkout.sandbox, { bundlePath: taken.path, treeSha: "0".repeat(40) });
  await expect(putting).rejects.toMatchObject({ fault: "refused" });
});
