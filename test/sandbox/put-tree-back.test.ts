import { beforeEach, expect, test } from "vitest";
import { putTreeBack } from "../../src/sandbox/put-tree-back.ts";
import { testCheckout, type TestCheckout } from "../support/checkout.ts";
import { needBwrap } from "../support/need-bwrap.ts";

beforeEach(needBwrap);

/** A checkout with work of the agent in it, and that work outside. */
async function kept(
  work = "echo agent > a.txt; echo note > left.txt; mkdir -p node_modules; echo dep > node_modules/x",
) {
  const checkout = await testCheckout({
    "a.txt": "a\n",
    "b.txt": "b\n",
    "run.sh": "#!/bin/sh\n",
    ".gitignore": "node_modules\n*.log\n",
  });
  await checkout.inRepo(work);
  const taken = await checkout.take();
  let opened = 0;
  const putBack = () =>
    putTreeBack(checkout.sandbox, {
      treeSha: taken.treeSha,
      baseSha: checkout.sha,
      openBundle: () => {
        opened += 1;
        return Promise.resolve(taken.kind === "bundle" ? taken.path : null);
      },
    });
  return { checkout, taken, putBack, opened: () => opened };
}

const treeOf = async (checkout: TestCheckout) => (await checkout.take()).treeSha;

test("a tree that is as it was is let alone, and its bundle is not asked for", async () => {
  const { checkout, putBack, opened } = await kept();
  await checkout.inRepo("echo more > node_modules/y; echo l > a.log");
  expect(await putBack()).toBe("same");
  expect(opened()).toBe(0);
  expect(await checkout.inRepo("cat a.txt left.txt node_modules/y a.log; ls -A ../tmp")).toBe(
    "agent\nnote\nmore\nl",
  );
});

test.each([
  ["a tracked file was changed", "echo other > b.txt"],
  ["the agent's file was changed", "echo other > a.txt"],
  ["the agent's new file is gone", "rm left.txt"],
  ["a file was made runnable", "chmod +x run.sh"],
  ["new files and folders came", "mkdir -p out/deep; echo x > out/deep/x; ln -s a.txt link"],
  ["a file became a folder", "rm b.txt; mkdir b.txt; echo x > b.txt/x"],
  [
    "all was committed on a new branch",
    "echo c > c.txt; git checkout -qb other; git add .; git -c user.name=x -c user.email=x@example.org commit -qm x",
  ],
  [
    "a repository came",
    "git init -q inner; cd inner; echo x > x; git add x; git -c user.name=x -c user.email=x@example.org commit -qm x",
  ],
  ["a new .gitignore hides what came", "echo '*' > .gitignore; mkdir sub; echo x > sub/x"],
  [".gitignore is gone", "rm .gitignore"],
  ["the index is gone", "rm .git/index; echo other > b.txt"],
])("it is put back when %s", async (_, change) => {
  const { checkout, taken, putBack } = await kept();
  await checkout.inRepo(change);
  expect(await treeOf(checkout)).not.toBe(taken.treeSha);
  expect(await putBack()).toBe("put-back");
  expect(await treeOf(checkout)).toBe(taken.treeSha);
  expect(await checkout.inRepo("cat a.txt b.txt left.txt node_modules/x; ls -A ../tmp")).toBe(
    "agent\nb\nnote\ndep",
  );
});

test("a tree that is the base's own needs no bundle", async () => {
  const { checkout, taken, putBack } = await kept("true");
  expect(taken.kind).toBe("unchanged");
  await checkout.inRepo("echo other > b.txt; echo new > new.txt");
  expect(await putBack()).toBe("put-back");
  expect(await checkout.inRepo("git status --porcelain")).toBe("");
});

test("a checkout whose objects are gone is refused", async () => {
  const { checkout, putBack } = await kept();
  await checkout.inRepo("rm -rf .git/objects; echo other > b.txt");
  await expect(putBack()).rejects.toMatchObject({ fault: "refused" });
});
