import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { everything, names, openStage } from "./github-stage.ts";
import type { Place, Stage } from "./github-stage.ts";
import type { Permissions } from "./github/state.ts";

let stage: Stage;
const lines = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`);

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
afterEach(async () => {
  await stage.github.drained();
  expect(stage.github.violations.splice(0)).toEqual([]);
});

type Said = { status: number; data: Record<string, unknown> | undefined; errors: Failure[] | undefined };
type Failure = { type?: string; path?: (string | number)[]; message: string };

async function ask(token: string, query: string, variables: object = {}): Promise<Said> {
  const response = await fetch(`${stage.github.url}/api/graphql`, {
    method: "POST",
    headers: { authorization: `bearer ${token}`, "content-type": "application/json", "user-agent": "test" },
    body: JSON.stringify({ query, variables }),
  });
  const body = (await response.json()) as Omit<Said, "status">;
  return { status: response.status, data: body.data, errors: body.errors };
}

/** A pull request with this many threads at `long.txt`, one line each. */
async function reviewed(count: number, isPrivate = false): Promise<{ place: Place; number: number }> {
  const place = await stage.makeRepository({ private: isPrivate });
  stage.github.setRole(place.full, "carol", "write");
  await stage.github.commit(place.full, {
    branch: "topic",
    message: "long",
    files: { "long.txt": `${lines.join("\n")}\n` },
  });
  const alice = stage.github.as("alice");
  const { number } = await alice.openPull(place.full, { title: "long", head: "topic", base: "main" });
  const comments = lines.slice(0, count).map((body, index) => ({ path: "long.txt", line: index + 1, body }));
  await stage.github.as("carol").review(place.full, number, { event: "COMMENT", body: "see", comments });
  return { place, number };
}

const threadsQuery = `query ($owner: String!, $repo: String!, $number: Int!, $first: Int, $last: Int, $after: String, $before: String) {
  repository(owner: $owner, name: $repo) { pullRequest(number: $number) {
    isDraft mergeable
    reviewThreads(first: $first, last: $last, after: $after, before: $before) {
      totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      nodes { id isResolved isOutdated path line originalLine startLine diffSide subjectType resolvedBy { login }
        comments(last: 100) { totalCount nodes { databaseId body lastEditedAt outdated diffHunk url
          author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
          pullRequestReview { databaseId } } } }
    } } } }`;

type Thread = {
  id: string;
  isResolved: boolean;
  resolvedBy: { login: string } | null;
  line: number;
  comments: {
    totalCount: number;
    nodes: { databaseId: number; author: { __typename: string; login: string } }[];
  };
};
type Page = {
  totalCount: number;
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string };
  nodes: Thread[];
};

function threadsIn(said: Said): Page {
  expect(said.errors).toBeUndefined();
  const { repository } = said.data as { repository: { pullRequest: { reviewThreads: Page } } };
  return repository.pullRequest.reviewThreads;
}

const resolve = (ids: readonly string[]): string =>
  `mutation { ${ids.map((id, index) => `t${index}: resolveReviewThread(input: { threadId: "${id}" }) { thread { id isResolved } }`).join("\n")} }`;

describe("reading", () => {
  test("threads with their comments, in pages from either end", async () => {
    const { place, number } = await reviewed(5);
    const bot = await stage.asBot();
    const token = await stage.token();
    const all = threadsIn(await ask(token, threadsQuery, { ...names(place), number, first: 50 }));
    const [first] = all.nodes;
    const id = first?.comments.nodes[0]?.databaseId ?? 0;
    await bot.rest.pulls.createReplyForReviewComment({
      ...names(place),
      pull_number: number,
      comment_id: id,
      body: "done",
    });
    const page = (input: object) =>
      ask(token, threadsQuery, { ...names(place), number, ...input }).then(threadsIn);
    const start = await page({ first: 2 });
    expect(start.totalCount).toBe(5);
    expect(start.nodes[0]?.comments.nodes.map(({ author }) => author)).toMatchObject([
      { __typename: "User", login: "carol" },
      { __typename: "Bot", login: stage.app.botLogin.replace("[bot]", "") },
    ]);
    const middle = await page({ first: 2, after: start.pageInfo.endCursor });
    const end = await page({ first: 2, after: middle.pageInfo.endCursor });
    expect([start, middle, end].map(({ nodes }) => nodes.map(({ line }) => line))).toEqual([
      [1, 2],
      [3, 4],
      [5],
    ]);
    expect([start, middle, end].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, true, false]);
    const last = await page({ last: 2 });
    expect(last.nodes.map(({ line }) => line)).toEqual([4, 5]);
    expect(
      (await page({ last: 2, before: last.pageInfo.startCursor })).nodes.map(({ line }) => line),
    ).toEqual([2, 3]);
  });

  test("whether a pull request is a draft and can be merged", async () => {
    const { place, number } = await reviewed(1);
    const token = await stage.token();
    // GitHub works it out after it was first asked.
    await expect
      .poll(async () => (await ask(token, threadsQuery, { ...names(place), number, first: 1 })).data, {
        timeout: 20_000,
      })
      .toMatchObject({ repository: { pullRequest: { isDraft: false, mergeable: "MERGEABLE" } } });
  });

  test("what is not there, or must not be seen, is NOT_FOUND at its place", async () => {
    const { place, number } = await reviewed(1, true);
    const mallory = stage.github.as("mallory").token;
    const hidden = await ask(mallory, threadsQuery, { ...names(place), number, first: 1 });
    expect(hidden).toMatchObject({
      status: 200,
      data: { repository: null },
      errors: [{ type: "NOT_FOUND", path: ["repository"] }],
    });
    const gone = await ask(await stage.token(), threadsQuery, { ...names(place), number: 99, first: 1 });
    expect(gone).toMatchObject({
      data: { repository: { pullRequest: null } },
      errors: [{ type: "NOT_FOUND", path: ["repository", "pullRequest"] }],
    });
    expect((await ask(mallory, `{ node(id: "PRRT_nothing") { id } }`)).errors?.[0]?.type).toBe("NOT_FOUND");
  });

  test("needs pull_requests: read, and a token at all", async () => {
    const { place, number } = await reviewed(1);
    const token = await stage.token({ permissions: { metadata: "read", issues: "write" } });
    const said = await ask(token, threadsQuery, { ...names(place), number, first: 1 });
    expect(said.errors).toMatchObject([{ type: "FORBIDDEN", path: ["repository", "pullRequest"] }]);
    expect((await ask("ghs_wrong", "{ viewer { login } }")).status).toBe(401);
  });

  test("a list asks for its length, a hundred at most", async () => {
    const { place, number } = await reviewed(1);
    const token = await stage.token();
    const type = async (input: object) =>
      (await ask(token, threadsQuery, { ...names(place), number, ...input })).errors?.[0]?.type;
    expect(await type({})).toBe("MISSING_PAGINATION_BOUNDARIES");
    expect(await type({ first: 101 })).toBe("EXCESSIVE_PAGINATION");
    expect(await type({ first: 1, after: "nonsense" })).toBe("INVALID_CURSOR_ARGUMENTS");
  });
});

describe("strictness", () => {
  test.each([
    ["an unknown field", "{ viewer { nonsense } }", /nonsense/],
    ["an unknown argument", "{ viewer(of: 1) { login } }", /"of"/],
    ["a text that is no document", "{ viewer { ", /Syntax Error/],
    ["a missing variable", "query ($id: ID!) { node(id: $id) { id } }", /\$id/],
  ])("%s is an error and a violation", async (_, query, message) => {
    const said = await ask(await stage.token(), query);
    expect(said.status).toBe(200);
    expect(said.data).toBeUndefined();
    expect(said.errors?.[0]?.message).toMatch(message);
    expect(stage.github.violations.splice(0)).toEqual([expect.stringMatching(/^invalid GraphQL: /)]);
  });

  test("what GitHub knows and the stand-in does not is refused by name", async () => {
    const said = await ask(await stage.token(), "{ viewer { bio } }");
    expect(said.status).toBe(501);
    expect(stage.github.violations.splice(0)).toEqual(["unmodelled GraphQL: User.bio"]);
    const argument = `{ repository(owner: "a", name: "b") { id } rateLimit(dryRun: true) { cost } }`;
    await ask(await stage.token(), argument);
    expect(stage.github.violations.splice(0)).toEqual(["unmodelled GraphQL: Query.rateLimit"]);
  });
});

describe("resolving", () => {
  const threads = async (at: { place: Place; number: number }): Promise<Thread[]> =>
    threadsIn(
      await ask(stage.github.as("alice").token, threadsQuery, {
        ...names(at.place),
        number: at.number,
        first: 100,
      }),
    ).nodes;

  test("twenty threads in one request, one of which is gone: the others are resolved", async () => {
    const at = await reviewed(20);
    const ids = (await threads(at)).map(({ id }) => id);
    const token = await stage.token({ permissions: { contents: "write", pull_requests: "write" } });
    const said = await ask(token, resolve([...ids.slice(0, 19), "PRRT_gone"]));
    expect(said.errors).toMatchObject([{ type: "NOT_FOUND", path: ["t19"] }]);
    expect(said.data).toMatchObject({ t0: { thread: { id: ids[0], isResolved: true } }, t19: null });
    const after = await threads(at);
    expect(after.filter(({ isResolved }) => isResolved)).toHaveLength(19);
    expect(after[0]?.resolvedBy?.login).toBe(stage.app.botLogin.replace("[bot]", ""));
    const effects = () =>
      stage.github.effects
        .filter(({ params }) => params["repo"] === at.place.repo && params["pull_number"] === at.number)
        .filter(({ operationId }) => operationId === "graphql/resolveReviewThread").length;
    expect(effects()).toBe(19);
    // Once more changes nothing.
    await ask(token, resolve(ids.slice(0, 19)));
    expect(effects()).toBe(19);
  });

  test.each<[string, Permissions]>([
    ["contents: read", { contents: "read", pull_requests: "write" }],
    ["pull_requests: read", { contents: "write", pull_requests: "read" }],
  ])("is forbidden to an App with %s", async (_, permissions) => {
    const at = await reviewed(1);
    const [thread] = await threads(at);
    const said = await ask(await stage.token({ permissions }), resolve([thread?.id ?? ""]));
    expect(said).toMatchObject({ data: { t0: null }, errors: [{ type: "FORBIDDEN", path: ["t0"] }] });
    expect((await threads(at))[0]?.isResolved).toBe(false);
  });

  test("a person needs to write, or to have opened the pull request", async () => {
    const at = await reviewed(2);
    const [first, second] = await threads(at);
    const mallory = await ask(stage.github.as("mallory").token, resolve([first?.id ?? ""]));
    expect(mallory.errors?.[0]?.type).toBe("FORBIDDEN");
    const commentId = second?.comments.nodes[0]?.databaseId ?? 0;
    await stage.github.as("carol").resolveThread(at.place.full, at.number, commentId);
    await expect(
      stage.github.as("mallory").resolveThread(at.place.full, at.number, commentId),
    ).rejects.toThrow("correct permissions");
    expect((await threads(at)).map(({ isResolved }) => isResolved)).toEqual([false, true]);
    const undo = `mutation { unresolveReviewThread(input: { threadId: "${second?.id}" }) { thread { isResolved } } }`;
    expect((await ask(stage.github.as("carol").token, undo)).data).toEqual({
      unresolveReviewThread: { thread: { isResolved: false } },
    });
  });

  test("is told to Apps that listen, once", async () => {
    const { data: hook } = await stage.asApp().rest.apps.getWebhookConfigForApp();
    const app = await stage.github.createApp({
      name: `Listener ${Date.now()}`,
      owner: "acme",
      permissions: everything,
      events: ["pull_request_review_thread", "pull_request"],
      webhookUrl: hook.url ?? "",
    });
    stage.github.install({ app, owner: "acme", repositories: "all" });
    const at = await reviewed(1);
    const [thread] = await threads(at);
    const carol = stage.github.as("carol");
    await carol.resolveThread(at.place.full, at.number, thread?.comments.nodes[0]?.databaseId ?? 0);
    await carol.resolveThread(at.place.full, at.number, thread?.comments.nodes[0]?.databaseId ?? 0);
    await stage.github.drained();
    const heard = stage.hooks
      .filter(({ headers }) => headers["x-github-event"] === "pull_request_review_thread")
      .map(
        ({ body }) => JSON.parse(body) as { action: string; thread: { node_id: string; comments: object[] } },
      );
    expect(heard).toMatchObject([{ action: "resolved", thread: { node_id: thread?.id, comments: [{}] } }]);
  });
});

test("a draft is made ready and a draft again", async () => {
  const { place, number } = await reviewed(1);
  const bot = await stage.asBot();
  const { data: pull } = await bot.rest.pulls.get({ ...names(place), pull_number: number });
  const set = (mutation: string) =>
    bot.graphql(
      `mutation ($id: ID!) { ${mutation}(input: { pullRequestId: $id }) { pullRequest { isDraft } } }`,
      {
        id: pull.node_id,
      },
    );
  expect(await set("convertPullRequestToDraft")).toEqual({
    convertPullRequestToDraft: { pullRequest: { isDraft: true } },
  });
  await expect(set("convertPullRequestToDraft")).rejects.toMatchObject({
    errors: [{ type: "UNPROCESSABLE" }],
  });
  await set("markPullRequestReadyForReview");
  expect((await bot.rest.pulls.get({ ...names(place), pull_number: number })).data.draft).toBe(false);
});

describe("faults", () => {
  test.each(["before", "after"] as const)("%s the effect", async (when) => {
    const at = await reviewed(1);
    const alice = stage.github.as("alice").token;
    const read = async () =>
      threadsIn(await ask(alice, threadsQuery, { ...names(at.place), number: at.number, first: 1 })).nodes[0];
    const id = (await read())?.id ?? "";
    stage.github.faults.add({
      operationId: "graphql/resolveReviewThread",
      when,
      status: 502,
      body: { message: "no" },
    });
    expect((await ask(await stage.token(), resolve([id]))).status).toBe(502);
    expect((await read())?.isResolved).toBe(when === "after");
  });
});
