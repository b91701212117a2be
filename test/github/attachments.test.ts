import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fetchAttachments, type AttachmentResult } from "../../src/github/attachments.ts";
import type { AttachmentLimits } from "../../src/github/attachment-limits.ts";
import { freezeAttachments, type AttachingText } from "../../src/tasks/attachments-freeze.ts";
import { openStage, type Place, type Stage } from "../standins/github-stage.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
afterEach(async () => {
  stage.github.faults.clear();
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
});

type Thread = { place: Place; issueNumber: number; texts: AttachingText[] };

/** An issue by alice with these bodies; the first is the issue's, the others are comments. */
async function openThread(place: Place, bodies: readonly string[]): Promise<Thread> {
  const alice = stage.github.as("alice");
  const [first = "", ...others] = bodies;
  const issue = await alice.createIssue(place.full, { title: "It breaks", body: first });
  const by = { author: "alice", at: null };
  const texts: AttachingText[] = [{ ...by, where: "issue", commentId: null, body: first }];
  for (const body of others) {
    const { id } = await alice.comment(place.full, issue.number, body);
    texts.push({ ...by, where: "comment", commentId: id, body });
  }
  return { place, issueNumber: issue.number, texts };
}

type Options = { limits?: Partial<AttachmentLimits>; signal?: AbortSignal };

async function fetchAll(thread: Thread, options: Options = {}): Promise<AttachmentResult[]> {
  const { github } = stage;
  const { place, issueNumber, texts } = thread;
  const permissions = { issues: "read", contents: "read", metadata: "read" } as const;
  const results: AttachmentResult[] = [];
  const warnings: unknown[] = [];
  const deps = {
    config: { github: { serverUrl: github.url, apiUrl: github.apiUrl } },
    log: { warn: (...entry: unknown[]) => void warnings.push(entry) },
  };
  for await (const result of fetchAttachments(deps, {
    octokit: await stage.asBot({ permissions, repositoryIds: [place.id] }),
    token: await stage.token({ permissions, repositoryIds: [place.id] }),
    repository: { owner: place.owner, name: place.repo },
    issueNumber,
    references: freezeAttachments(texts, { serverUrl: github.url }),
    signal: options.signal ?? new AbortController().signal,
    limits: { retryPauseMs: 1, ...options.limits },
  })) {
    results.push(result);
  }
  expect(warnings).toEqual([]);
  return results;
}

const told = (results: readonly AttachmentResult[]) =>
  results.map((result) => (result.kind === "file" ? result.fileName : result.reason));

const asked = (place: string) =>
  stage.github.requests
    .filter(({ path }) => path.includes(place))
    .map(({ operationId, actor, status }) => `${operationId} ${actor} ${status}`);

test("a public repository's screenshot and log come as they were attached", async () => {
  const place = await stage.makeRepository();
  const alice = stage.github.as("alice");
  const shot = alice.attach(place.full, { name: "Screenshot 1.png", data: png });
  const log = alice.attach(place.full, { name: "crash.log", data: "it broke\n" });
  const results = await fetchAll(await openThread(place, [`See\n\n${shot.markdown}`, `And ${log.markdown}`]));
  expect(told(results)).toEqual(["01-image.png", "02-crash.log"]);
  expect(results[0]).toMatchObject({ kind: "file", label: "PNG image", bytes: png });
  expect(results[1]).toMatchObject({ kind: "file", label: "text", bytes: Buffer.from("it broke\n") });
});

test("a private repository's images come by their signed addresses; other files GitHub keeps from Apps", async () => {
  const place = await stage.makeRepository({ private: true });
  const alice = stage.github.as("alice");
  const shot = alice.attach(place.full, { name: "shot.png", data: png });
  const inComment = alice.attach(place.full, { name: "other.gif", data: "GIF89a\x01\0\x01\0\0\0\0;" });
  const log = alice.attach(place.full, { name: "crash.log", data: "it broke\n" });
  const thread = await openThread(place, [shot.markdown, `${inComment.markdown}\n\n${log.markdown}`]);
  const results = await fetchAll(thread);
  expect(told(results)).toEqual([
    "01-image.png",
    "02-image.gif",
    expect.stringContaining("in a private repository it hands files other than images to browsers only"),
  ]);
  // Asked with the token only after it was refused without, and never at the storage.
  expect(asked(new URL(log.url).pathname)).toEqual([
    "attachments/file anonymous 404",
    "attachments/file remote-claude[bot] 404",
  ]);
  expect(asked(new URL(shot.url).pathname)).toEqual([]);
});

test("another private repository's image is not lent, whoever refers to it", async () => {
  const secret = await stage.makeRepository({ private: true });
  const place = await stage.makeRepository();
  const shot = stage.github.as("alice").attach(secret.full, { name: "secret.png", data: png });
  expect(told(await fetchAll(await openThread(place, [shot.markdown])))).toEqual([
    "GitHub answered 404: deleted, or part of another repository",
  ]);
});

test("what was taken out of the text after the trigger is not lent any more, and what was put in is not looked at", async () => {
  const place = await stage.makeRepository({ private: true });
  const alice = stage.github.as("alice");
  const before = alice.attach(place.full, { name: "a.png", data: png });
  const after = alice.attach(place.full, { name: "b.png", data: png });
  const thread = await openThread(place, [before.markdown]);
  await alice.editIssue(place.full, thread.issueNumber, { body: after.markdown });
  expect(told(await fetchAll(thread))).toEqual([
    "GitHub answered 404: deleted, or part of another repository",
  ]);
  expect(asked(new URL(after.url).pathname)).toEqual([]);
});

test("a comment that is gone by now is no failure of the others", async () => {
  const place = await stage.makeRepository({ private: true });
  const alice = stage.github.as("alice");
  const shots = [1, 2].map((n) => alice.attach(place.full, { name: `${n}.png`, data: png }).markdown);
  const thread = await openThread(place, ["", ...shots]);
  await alice.deleteComment(place.full, thread.texts[1]?.commentId ?? 0);
  expect(told(await fetchAll(thread))).toEqual([
    "GitHub answered 404: deleted, or part of another repository",
    "02-image.png",
  ]);
});

test("an image elsewhere is named and never asked for", async () => {
  const place = await stage.makeRepository();
  // No such host resolves; the point is in the requests that are not made, which the reason shows.
  const thread = await openThread(place, ["![a](http://127.0.0.1:9/x.png?leak=1) ![b](https://e.invalid/b)"]);
  expect(told(await fetchAll(thread))).toEqual([
    "not fetched: not attached to GitHub",
    "not fetched: not attached to GitHub",
  ]);
});

test("a video, a copied signed link and what cannot be checked are named and never asked for", async () => {
  const place = await stage.makeRepository();
  const alice = stage.github.as("alice");
  const [video, shot] = ["clip.mp4", "shot.png"].map(
    (name) => alice.attach(place.full, { name, data: png }).url,
  );
  const signed = `${stage.github.url}/storage/user/1/files/0f8fad5b-d9cb-469f-a165-70867728950e?token=1.x`;
  const before = stage.github.requests.length;
  const thread = await openThread(place, [
    `<video src="${video}"></video> ![a](${signed})`,
    `${"> ".repeat(3_000)}![a](${shot})`,
  ]);
  expect(told(await fetchAll(thread))).toEqual([
    "not fetched: a video",
    "not fetched: a copied link that dies within minutes; attach the file itself",
    "not fetched: the text around it is too intricate to tell what it shows",
  ]);
  const since = stage.github.requests.slice(before).map(({ operationId }) => operationId);
  expect(since.filter((operation) => operation.startsWith("attachments/"))).toEqual([]);
});

test("a reference that does not belong to the configured server is not fetched, whatever it says it is", async () => {
  const place = await stage.makeRepository();
  const thread = await openThread(place, [""]);
  const other = "http://127.0.0.1:9";
  const texts = [
    {
      ...thread.texts[0],
      body: `![a](${other}/user-attachments/assets/0f8fad5b-d9cb-469f-a165-70867728950e)`,
    },
  ];
  const references = freezeAttachments(texts as AttachingText[], { serverUrl: other });
  expect(references).toMatchObject([{ kind: "asset" }]);
  const results = [];
  for await (const result of fetchAttachments(
    {
      config: { github: { serverUrl: stage.github.url, apiUrl: stage.github.apiUrl } },
      log: { warn: () => undefined },
    },
    {
      octokit: await stage.asBot({ repositoryIds: [place.id] }),
      token: "ghs_t",
      repository: { owner: place.owner, name: place.repo },
      issueNumber: thread.issueNumber,
      references,
      signal: new AbortController().signal,
    },
  )) {
    results.push(result);
  }
  expect(told(results)).toEqual(["not fetched: not attached to GitHub"]);
});

test("wrong endings are put right, and what is not what it says is named", async () => {
  const place = await stage.makeRepository();
  const alice = stage.github.as("alice");
  const attach = (name: string, data: Buffer | string) => alice.attach(place.full, { name, data }).markdown;
  const body = [
    attach("photo.jpg", png),
    attach("notes.zip", "just words"),
    attach("core.dmp", Buffer.from([0, 1, 2, 3])),
    attach(
      "clip.mp4",
      Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from("ftypisom\0\0\x02\0isomiso2")]),
    ),
    attach("empty.log", ""),
    attach("last.txt", "last"),
  ].join("\n\n");
  expect(told(await fetchAll(await openThread(place, [body])))).toEqual([
    "01-image.png",
    "its bytes are text, against its name",
    "unknown binary; only images, PDF, zip, gzip and text are taken",
    "a mp4 file; only images, PDF, zip, gzip and text are taken",
    "it is empty",
    "06-last.txt",
  ]);
});

test("sizes are capped for each and for all, and so is their number; the small ones still come", async () => {
  const place = await stage.makeRepository();
  const alice = stage.github.as("alice");
  const attach = (n: number) => alice.attach(place.full, { name: `${n}.log`, data: "x".repeat(n) }).markdown;
  const body = [3_000, 900, 901, 902, 100, 50].map(attach).join("\n\n");
  const limits = { maxFileBytes: 1_024, maxTotalBytes: 2_048, maxFiles: 5 };
  expect(told(await fetchAll(await openThread(place, [body]), { limits }))).toEqual([
    "larger than 1 KiB",
    "02-900.log",
    "03-901.log",
    "larger than what is left of 2 KiB for all attachments",
    "05-100.log",
    "not fetched: only the first 5 attachments are",
  ]);
});

test("passing faults of page, storage and API are waited out", async () => {
  const place = await stage.makeRepository({ private: true });
  const alice = stage.github.as("alice");
  const shot = alice.attach(place.full, { name: "shot.png", data: png });
  const thread = await openThread(place, [shot.markdown]);
  const { faults } = stage.github;
  faults.add({ operationId: "issues/get", when: "before", status: 502 });
  faults.add({ operationId: "issues/get", when: "before", reset: true });
  faults.add({ operationId: "attachments/storage", when: "before", status: 503 });
  faults.add({ operationId: "attachments/storage", when: "before", reset: true });
  expect(told(await fetchAll(thread))).toEqual(["01-image.png"]);
  expect(faults.struck).toBeGreaterThanOrEqual(4);
});

test("a fault that stays is named, and the next file comes", async () => {
  const place = await stage.makeRepository();
  const alice = stage.github.as("alice");
  const attach = (name: string) => alice.attach(place.full, { name, data: name }).markdown;
  const thread = await openThread(place, [`${attach("a.log")}\n\n${attach("b.log")}\n\n${attach("c.log")}`]);
  stage.github.faults.add({ path: /a\.log$/, when: "before", status: 500, times: 3 });
  stage.github.faults.add({
    path: /b\.log$/,
    when: "before",
    status: 429,
    headers: { "retry-after": "3600" },
  });
  expect(told(await fetchAll(thread))).toEqual([
    "GitHub answered 500; repeat the command later to have it",
    "GitHub answered 429; repeat the command later to have it",
    "03-c.log",
  ]);
});

test("an error page in a file's place is no file", async () => {
  const place = await stage.makeRepository();
  const log = stage.github.as("alice").attach(place.full, { name: "run.log", data: "fine" });
  const thread = await openThread(place, [log.markdown]);
  stage.github.faults.add({
    operationId: "attachments/storage",
    when: "before",
    status: 200,
    body: "<!DOCTYPE html><html>Unicorn!</html>",
    headers: { "content-type": "text/html" },
  });
  expect(told(await fetchAll(thread))).toEqual(["a web page came in its place"]);
});

test("when the time for all of them is over the rest is named", async () => {
  const place = await stage.makeRepository();
  const alice = stage.github.as("alice");
  const attach = (name: string) => alice.attach(place.full, { name, data: name }).markdown;
  const thread = await openThread(place, [`${attach("a.log")}\n\n${attach("b.log")}`]);
  stage.github.faults.add({ path: /a\.log$/, when: "before", delayMs: 1_500 });
  const late = "all attachments together took longer than 1 s";
  expect(told(await fetchAll(thread, { limits: { totalTimeoutMs: 700 } }))).toEqual([late, late]);
});

test("the task's end is the one exception", async () => {
  const place = await stage.makeRepository();
  const log = stage.github.as("alice").attach(place.full, { name: "a.log", data: "a" });
  const thread = await openThread(place, [log.markdown]);
  const reason = new Error("the task was stopped");
  await expect(fetchAll(thread, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
