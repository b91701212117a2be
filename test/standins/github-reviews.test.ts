import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { names, openStage, refusal } from "./github-stage.ts";
import type { Place, Stage } from "./github-stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
afterEach(async () => {
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
});

const numbered = (changes: Record<number, string> = {}, count = 40): string =>
  Array.from({ length: count }, (_, n) => `${changes[n + 1] ?? `line ${n + 1}`}\n`).join("");

type Opened = { place: Place; number: number; push(content: string): Promise<string> };

/** Lines 5, 6 and 30 of a file are others. */
async function openPull(): Promise<Opened> {
  const place = await stage.makeRepository({ files: { "a.txt": numbered() } });
  const push = (content: string) =>
    stage.github.commit(place.full, { branch: "topic", files: { "a.txt": content }, by: "alice" });
  await push(numbered({ 5: "five", 6: "six", 30: "thirty" }));
  const { number } = await stage.github
    .as("alice")
    .openPull(place.full, { title: "Topic", head: "topic", base: "main" });
  return { place, number, push };
}

type Part = { line: number; start_line?: number; side?: "LEFT" | "RIGHT"; start_side?: "LEFT" | "RIGHT" };

async function comment({ place, number }: Opened, part: Part) {
  const bot = await stage.asBot();
  const comments = [{ path: "a.txt", body: "Why?", ...part }];
  const at = { ...names(place), pull_number: number };
  return bot.rest.pulls.createReview({ ...at, event: "COMMENT", comments });
}

async function comments({ place, number }: Opened) {
  const bot = await stage.asBot();
  const { data } = await bot.rest.pulls.listReviewComments({ ...names(place), pull_number: number });
  return data;
}

test("a comment on several lines starts before it ends, in one hunk, on lines that the diff shows", async () => {
  const pull = await openPull();
  await comment(pull, { start_line: 5, line: 6 });
  await comment(pull, { start_line: 5, start_side: "LEFT", line: 6, side: "RIGHT" });
  expect(await comments(pull)).toMatchObject([
    { start_line: 5, line: 6, start_side: "RIGHT", side: "RIGHT", original_start_line: 5 },
    { start_line: 5, line: 6, start_side: "LEFT", side: "RIGHT" },
  ]);
  expect(await refusal(comment(pull, { start_line: 6, line: 5 }))).toMatch(/^422.*must precede the end line/);
  expect(await refusal(comment(pull, { start_line: 6, line: 6 }))).toMatch(/^422.*must precede the end line/);
  expect(await refusal(comment(pull, { start_line: 6, line: 30 }))).toMatch(/^422.*same hunk as the line/);
  expect(await refusal(comment(pull, { start_line: 15, line: 30 }))).toMatch(
    /^422.*start_line must be part of the diff/,
  );
  expect(await comments(pull)).toHaveLength(2);
});

test("comments follow their lines through a push, and are outdated once these are changed", async () => {
  const pull = await openPull();
  await comment(pull, { start_line: 5, line: 6 });
  await comment(pull, { line: 30 });
  await comment(pull, { line: 30, side: "LEFT" });
  const sha = await pull.push(`line 0\n${numbered({ 5: "five", 6: "SIX", 30: "thirty" })}`);
  const [several, one, left] = await comments(pull);
  expect(several).toMatchObject({
    ...{ line: null, start_line: null, position: null, original_line: 6, original_start_line: 5 },
  });
  expect(several?.commit_id).not.toBe(sha);
  expect(one).toMatchObject({ line: 31, original_line: 30, commit_id: sha });
  expect(left).toMatchObject({ line: 30, side: "LEFT" });
  // The pull request does not change that line any more.
  await pull.push(numbered({ 5: "five" }));
  expect((await comments(pull)).map(({ line }) => line)).toEqual([null, null, null]);
});

type Told = { action: string; review: { id: number; state: string; body: string }; changes?: object };
const told = async (place: Place): Promise<Told[]> => {
  await stage.github.drained();
  return stage.hooks
    .filter(({ headers }) => headers["x-github-event"] === "pull_request_review")
    .map(({ body }) => JSON.parse(body) as Told & { repository: { full_name: string } })
    .filter(({ repository }) => repository.full_name === place.full);
};

test("a review is edited by its author, dismissed by who may write, and the App hears of both", async () => {
  const { place, number } = await openPull();
  stage.github.setRole(place.full, "carol", "write");
  stage.github.setRole(place.full, "mallory", "read");
  const carol = stage.github.as("carol");
  const asked = await carol.review(place.full, number, { event: "REQUEST_CHANGES", body: "No." });
  await carol.editReview(place.full, number, asked.id, "Not yet.");
  const path = `/repos/${place.full}/pulls/${number}/reviews/${asked.id}`;
  const mallory = stage.github.as("mallory");
  expect((await mallory.api("PUT", `${path}/dismissals`, { message: "Done" })).status).toBe(403);
  expect((await mallory.api("PUT", path, { body: "Yes." })).status).toBe(403);
  await carol.dismissReview(place.full, number, asked.id, "It is done.");
  expect((await told(place)).map(({ action, review }) => [action, review.state, review.body])).toEqual([
    ["submitted", "changes_requested", "No."],
    ["edited", "changes_requested", "Not yet."],
    ["dismissed", "dismissed", "Not yet."],
  ]);
  expect((await told(place))[1]?.changes).toEqual({ body: { from: "No." } });
  const again = await carol.api("PUT", `${path}/dismissals`, { message: "Again" });
  expect(again.status).toBe(422);
});
