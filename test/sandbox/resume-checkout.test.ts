import { beforeEach, expect, test } from "vitest";
import { resumeCheckout } from "../../src/sandbox/resume-checkout.ts";
import { testCheckout, type TestCheckout } from "../support/checkout.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { readCheckoutState } from "../support/read-checkout-state.ts";

beforeEach(needBwrap);

const transcriptPath = "/home/agent/talk.jsonl";
const notePath = "/home/agent/.note";

/** A checkout after a turn: a file changed, one of nobody's, a conversation, and the commit that the bot made of it. */
async function afterTurn(text = "agent\n") {
  const checkout = await testCheckout({ "a.txt": "a\n", "b.txt": "b\n" });
  const { sandbox, sha } = checkout;
  await checkout.inRepo("echo note > left.txt");
  await sandbox.writeFile("/workspace/repo/a.txt", text);
  await sandbox.writeFile(transcriptPath, "talk\n");
  await sandbox.writeFile(notePath, sha);
  const left = await readCheckoutState(sandbox, { baseSha: sha, transcriptPath });
  if (left === null) throw new Error("expected a checkout");
  const made = await checkout.origin.commit({ "a.txt": text });
  await checkout.update();
  return { checkout, left, made };
}

type AfterTurn = Awaited<ReturnType<typeof afterTurn>>;

const resume = ({ checkout, left, made }: AfterTurn, sha = made) =>
  resumeCheckout(checkout.sandbox, {
    ...{ mirrorPath: checkout.mirrorPath, presentSha: checkout.sha, madeSha: made, sha },
    ...{ branch: checkout.branch, left, transcriptPath, notePath },
    next: ["sh", "-c", 'echo "$1 $(git -C /workspace/repo rev-parse HEAD)"', "next", "said"],
  });

const noteOf = async ({ sandbox }: TestCheckout) =>
  Buffer.from((await sandbox.readFile(notePath, { maxBytes: 64 })) ?? []).toString();

test.each([
  ["small", "agent\n"],
  ["large", Array.from({ length: 30_000 }, (_, n) => (n * 2_654_435_761) % 2 ** 32).join("\n")],
])("one that is as it was left is moved, with %s news", async (_, text) => {
  const turn = await afterTurn(text);
  const { checkout, left, made } = turn;
  expect(await resume(turn)).toEqual({
    ...{ state: left, standing: checkout.sha, moved: true },
    said: `said ${made}`,
  });
  expect(await noteOf(checkout)).toBe(made);
  expect(await checkout.inRepo("git rev-parse HEAD; git branch --show-current; git status --porcelain")).toBe(
    `${made}\n${checkout.branch}\n?? left.txt`,
  );
  expect(await checkout.inRepo("ls -A ../tmp")).toBe("");
});

test("what people pushed on top comes with it", async () => {
  const turn = await afterTurn();
  const sha = await turn.checkout.origin.commit({ "b.txt": "person\n" });
  await turn.checkout.update();
  expect(await resume(turn, sha)).toMatchObject({ moved: true });
  expect(await turn.checkout.inRepo("cat a.txt b.txt left.txt; git status --porcelain")).toBe(
    "agent\nperson\nnote\n?? left.txt",
  );
});

test("one that stands there already is let alone, whatever the mirror knows", async () => {
  const turn = await afterTurn();
  const { checkout } = turn;
  expect(await resume(turn, checkout.sha)).toMatchObject({ moved: true, standing: checkout.sha });
  expect((await resume(turn, checkout.sha)).said).toBe(`said ${checkout.sha}`);
  const unknown = { ...turn, made: "1".repeat(40) };
  expect(await resume(unknown, checkout.sha)).toMatchObject({ moved: true });
  expect(await checkout.inRepo("git rev-parse HEAD; cat a.txt left.txt")).toBe(
    `${checkout.sha}\nagent\nnote`,
  );
});

test.each([
  ["a file was changed", "echo other > a.txt"],
  ["a file was changed back", "git checkout -q a.txt"],
  ["a file came", "echo new > new.txt"],
  ["a file of nobody's is gone", "rm left.txt"],
  ["the conversation goes on", `echo more >> ${transcriptPath}`],
  ["the conversation is gone", `rm ${transcriptPath}`],
])("one is not moved when %s", async (_, change) => {
  const turn = await afterTurn();
  const { checkout, left } = turn;
  await checkout.inRepo(change);
  const resumed = await resume(turn);
  expect(resumed).toMatchObject({ moved: false, standing: checkout.sha, said: "" });
  expect(resumed.state).not.toEqual(left);
  expect(await checkout.inRepo("git rev-parse HEAD")).toBe(checkout.sha);
  expect(await noteOf(checkout)).toBe(checkout.sha);
});

test.each([
  ["is missing", `rm ${notePath}`],
  ["is a link", `mv ${notePath} /home/agent/elsewhere; ln -s elsewhere ${notePath}`],
  ["is no commit", `echo 'moved' > ${notePath}`],
])("one whose note %s stands nowhere", async (_, change) => {
  const turn = await afterTurn();
  await turn.checkout.inRepo(change);
  expect(await resume(turn)).toEqual({ state: turn.left, standing: null, moved: false, said: "" });
});

test("one that stands elsewhere says where, and is not moved", async () => {
  const turn = await afterTurn();
  await turn.checkout.sandbox.writeFile(notePath, "2".repeat(40));
  expect(await resume(turn)).toEqual({ state: turn.left, standing: "2".repeat(40), moved: false, said: "" });
});

test.each([
  ["its checkout", "rm -rf /workspace/repo"],
  ["its .git", "rm -rf .git"],
])("one that has lost %s holds nothing", async (_, change) => {
  const turn = await afterTurn();
  await turn.checkout.inRepo(change);
  expect(await resume(turn)).toMatchObject({ moved: false });
});

test("commits that the mirror does not know move nothing", async () => {
  const turn = await afterTurn();
  expect(await resume({ ...turn, made: "1".repeat(40) }, turn.made)).toMatchObject({
    state: turn.left,
    moved: false,
  });
  expect(await noteOf(turn.checkout)).toBe(turn.checkout.sha);
});
