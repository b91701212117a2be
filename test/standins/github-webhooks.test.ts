import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { appOperations, repositoryRules } from "./github/permissions.ts";
import { modelledOperations } from "./github/rest.ts";
import { sliceOperations } from "./github/slice-operations.ts";
import { everything, names, openStage, refusal } from "./github-stage.ts";
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

type Payload = { action: string; sender: { login: string }; repository?: { id: number }; changes?: unknown };

/** What the receiver heard about a repository, in no particular order: `event.action sender`. */
async function heard(place: Place): Promise<string[]> {
  await stage.github.drained();
  return stage.hooks
    .map(({ headers, body }) => ({
      event: String(headers["x-github-event"]),
      payload: JSON.parse(body) as Payload,
    }))
    .filter(({ payload }) => payload.repository?.id === place.id)
    .map(({ event, payload }) => `${event}.${payload.action} ${payload.sender.login}`)
    .sort();
}

describe("deliveries", () => {
  test("are signed over the bytes that are sent", async () => {
    const place = await stage.makeRepository();
    await stage.github
      .as("alice")
      .createIssue(place.full, { title: "Ünïcode ✓", body: "<b>&amp;</b>\u2028" });
    await heard(place);
    const hook = stage.hooks.findLast(({ headers }) => headers["x-github-event"] === "issues");
    const { headers, body } = hook ?? { headers: {}, body: "" };
    const signature = createHmac("sha256", stage.app.webhookSecret).update(body).digest("hex");
    expect(headers["x-hub-signature-256"]).toBe(`sha256=${signature}`);
    expect(headers["user-agent"]).toMatch(/^GitHub-Hookshot\//);
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["x-github-delivery"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers["x-github-hook-id"]).toMatch(/^\d+$/);
  });

  test("tell of everything on issues, the bot's own comments too", async () => {
    const place = await stage.makeRepository();
    const alice = stage.github.as("alice");
    const { number } = await alice.createIssue(place.full, { title: "x" });
    await alice.addLabel(place.full, number, "claude");
    await alice.removeLabel(place.full, number, "claude");
    await alice.assign(place.full, number, "bob");
    await alice.editIssue(place.full, number, { title: "y" });
    const { id } = await alice.comment(place.full, number, "/claude");
    await alice.editComment(place.full, id, "/claude fix it");
    const bot = await stage.asBot();
    await bot.rest.issues.createComment({ ...names(place), issue_number: number, body: "on it" });
    await alice.deleteComment(place.full, id);
    await alice.closeIssue(place.full, number);
    await alice.reopenIssue(place.full, number);
    await alice.lockIssue(place.full, number);
    await alice.deleteIssue(place.full, number);
    expect(await heard(place)).toEqual([
      "issue_comment.created alice",
      "issue_comment.created remote-claude[bot]",
      "issue_comment.deleted alice",
      "issue_comment.edited alice",
      "issues.assigned alice",
      "issues.closed alice",
      "issues.deleted alice",
      "issues.edited alice",
      "issues.labeled alice",
      "issues.locked alice",
      "issues.opened alice",
      "issues.reopened alice",
      "issues.unlabeled alice",
    ]);
  });

  test("tell of everything on pull requests", async () => {
    const place = await stage.makeRepository();
    const alice = stage.github.as("alice");
    await stage.github.commit(place.full, { branch: "feature", files: { "src/a.js": "1\n" } });
    const { number } = await alice.openPull(place.full, { title: "x", head: "feature", base: "main" });
    await stage.github.commit(place.full, { branch: "feature", files: { "src/a.js": "1\n2\n" } });
    await alice.addLabel(place.full, number, "bug");
    await stage.github.as("bob").review(place.full, number, { event: "COMMENT", body: "hm" });
    const inline = await stage.github
      .as("bob")
      .reviewComment(place.full, number, { path: "src/a.js", line: 2, body: "?" });
    await alice.replyToReviewComment(place.full, number, inline.id, "!");
    await alice.comment(place.full, number, "talk");
    await alice.api("PATCH", `/repos/${place.full}/pulls/${number}`, { body: "now with words" });
    await alice.merge(place.full, number);
    expect(await heard(place)).toEqual([
      "issue_comment.created alice",
      "pull_request.closed alice",
      "pull_request.edited alice",
      "pull_request.labeled alice",
      "pull_request.opened alice",
      "pull_request.synchronize acme",
      "pull_request_review.submitted alice",
      "pull_request_review.submitted bob",
      "pull_request_review.submitted bob",
      "pull_request_review_comment.created alice",
      "pull_request_review_comment.created bob",
    ]);
  });

  test("a check asked for again is told to its own App only", async () => {
    const place = await stage.makeRepository();
    const bot = await stage.asBot();
    const [{ sha } = { sha: "" }] = await stage.github.commits(place.full, "main");
    const done = { name: "claude", head_sha: sha, conclusion: "success" as const };
    const { data } = await bot.rest.checks.create({ ...names(place), ...done });
    const ci = await stage.github.createApp({
      name: "CI",
      permissions: { checks: "write" },
      events: ["check_run"],
    });
    stage.github.install({ app: ci, owner: "acme", repositories: "all" });
    stage.github.as("alice").rerequestCheck(place.full, data.id);
    expect(await heard(place)).toEqual([
      "check_run.completed remote-claude[bot]",
      "check_run.created remote-claude[bot]",
      "check_run.rerequested alice",
    ]);
    expect((await bot.rest.checks.listForRef({ ...names(place), ref: "main" })).data.total_count).toBe(1);
  });

  test("tell of the installation's life, without being asked", async () => {
    const place = await stage.makeRepository({ owner: "carol" });
    const before = stage.hooks.length;
    const installation = stage.github.install({ app: stage.app, owner: "carol", repositories: [place.repo] });
    stage.github.suspend(installation);
    await stage.github.as("carol").createIssue(place.full, { title: "not told while suspended" });
    stage.github.unsuspend(installation);
    stage.github.acceptPermissions(installation, { issues: "write" });
    await stage.makeRepository({ owner: "carol" });
    stage.github.setInstalledRepositories(installation, "all");
    stage.github.setInstalledRepositories(installation, [place.repo]);
    stage.github.uninstall(installation);
    await stage.github.drained();
    const told = stage.hooks.slice(before).map(({ headers, body }) => {
      const payload = JSON.parse(body) as Payload & {
        installation: { id: number; account?: { login: string } };
      };
      expect(payload.installation.id).toBe(installation.id);
      return `${String(headers["x-github-event"])}.${payload.action} ${payload.installation.account?.login ?? ""}`;
    });
    expect(told.sort()).toEqual([
      "installation.created carol",
      "installation.deleted carol",
      "installation.new_permissions_accepted carol",
      "installation.suspend carol",
      "installation.unsuspend carol",
      "installation_repositories.added carol",
      "installation_repositories.removed carol",
    ]);
  });

  test("tell of a repository that is renamed, hidden, moved, deleted", async () => {
    const app = await stage.github.createApp({
      name: "Watcher",
      permissions: {},
      events: ["repository", "push"].slice(0, 1),
      webhookUrl: "http://127.0.0.1:9/",
    });
    stage.github.createOrganization("umbrella", { owners: ["alice"] });
    stage.github.install({ app, owner: "umbrella", repositories: "all" });
    const { repo } = await stage.makeRepository({ owner: "umbrella" });
    stage.github.renameRepository(`umbrella/${repo}`, "b");
    stage.github.setVisibility("umbrella/b", "private");
    stage.github.setVisibility("umbrella/b", "public");
    await stage.github.commit("umbrella/b", { branch: "trunk", files: {} });
    stage.github.setDefaultBranch("umbrella/b", "trunk");
    stage.github.transferRepository("umbrella/b", "acme");
    stage.github.transferRepository("acme/b", "umbrella");
    stage.github.archive("umbrella/b");
    stage.github.deleteRepository("umbrella/b");
    const told = stage.github.deliveries().filter(({ body }) => body.includes('"umbrella"'));
    const words = told.filter(({ event }) => event === "repository").map(({ action }) => action);
    expect(words).toEqual([
      "created",
      "renamed",
      "privatized",
      "publicized",
      "edited",
      "transferred",
      "archived",
      "deleted",
    ]);
  });
});

describe("missed deliveries", () => {
  test("are found in the list, read with their payload, and sent again under the same guid", async () => {
    const place = await stage.makeRepository();
    const alice = stage.github.as("alice");
    await stage.github.drained();
    stage.answerHooksWith(500);
    await alice.createIssue(place.full, { title: "missed" });
    await stage.github.drained();
    stage.answerHooksWith(200);
    const asApp = stage.asApp();
    const { data: failed } = await asApp.rest.apps.listWebhookDeliveries({ status: "failure" });
    const [missed] = failed;
    expect(missed).toMatchObject({ event: "issues", action: "opened", status_code: 500, redelivery: false });
    const { data: full } = await asApp.rest.apps.getWebhookDelivery({ delivery_id: missed?.id ?? 0 });
    expect(full.request.payload).toMatchObject({ action: "opened", issue: { title: "missed" } });
    await asApp.rest.apps.redeliverWebhookDelivery({ delivery_id: missed?.id ?? 0 });
    await stage.github.drained();
    const { data: latest } = await asApp.rest.apps.listWebhookDeliveries({ per_page: 1 });
    expect(latest[0]).toMatchObject({ guid: missed?.guid, redelivery: true, status: "OK" });
    expect(latest[0]?.id).not.toBe(missed?.id);
    const copies = stage.hooks.filter(({ headers }) => headers["x-github-delivery"] === missed?.guid);
    expect(copies).toHaveLength(2);
    expect(copies[0]?.body).toBe(copies[1]?.body);
  });

  test("the list goes by cursor, newest first, each once", async () => {
    const place = await stage.makeRepository();
    const alice = stage.github.as("alice");
    for (let i = 0; i < 4; i += 1) await alice.createIssue(place.full, { title: `${i}` });
    await stage.github.drained();
    const pages = await stage.asApp().paginate("GET /app/hook/deliveries", { per_page: 3 });
    const ids = pages.map(({ id }) => id);
    const sent = stage.github.deliveries().filter(({ body }) => !body.includes('"umbrella"'));
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(Math.min(sent.length, 4));
  });

  test("a dead target is recorded, nothing waits for it; the target and its secret can be changed", async () => {
    const place = await stage.makeRepository();
    const { data: config } = await stage.asApp().rest.apps.getWebhookConfigForApp();
    expect(config.secret).toBe("********");
    const change = { url: "http://127.0.0.1:9/", secret: "new" };
    await stage.asApp().request("PATCH /app/hook/config", { data: change });
    await stage.github.as("alice").createIssue(place.full, { title: "lost" });
    await stage.github.drained();
    expect(stage.github.deliveries().at(-1)).toMatchObject({
      status: "failed to connect to host",
      statusCode: 502,
    });
    stage.github.setWebhook(stage.app, { url: config.url ?? "", secret: stage.app.webhookSecret });
  });
});

describe("faults", () => {
  test("before: no effect; after: the effect without its answer; both as often as asked", async () => {
    const place = await stage.makeRepository();
    await stage.github.as("alice").createIssue(place.full, { title: "x" });
    const bot = await stage.asBot();
    const operationId = "issues/create-comment";
    const say = (body: string) => bot.rest.issues.createComment({ ...names(place), issue_number: 1, body });
    const said = () => stage.github.comments(place.full, 1).map(({ body }) => body);
    stage.github.faults.add({ operationId, when: "before", status: 502, times: 2 });
    expect([await refusal(say("a")), await refusal(say("b"))]).toEqual([
      "502 Server Error",
      "502 Server Error",
    ]);
    expect(said()).toEqual([]);
    stage.github.faults.add({ path: /\/issues\/1\/comments$/, when: "after", status: 500 });
    expect(await refusal(say("c"))).toBe("500 Server Error");
    stage.github.faults.add({ operationId, when: "after", reset: true });
    expect(await refusal(say("d"))).toMatch(/^500 /);
    expect(said()).toEqual(["c", "d"]);
    const effects = stage.github.effects.filter((effect) => effect.operationId === operationId);
    expect(effects.slice(-2).map(({ body }) => body["body"])).toEqual(["c", "d"]);
    const limit = { "retry-after": "60" };
    stage.github.faults.add({
      operationId,
      when: "before",
      status: 403,
      body: { message: "slow down" },
      headers: limit,
    });
    expect(await refusal(say("e"))).toBe("403 slow down");
    stage.github.faults.add({ operationId, when: "before", delayMs: 30 });
    const startedMs = performance.now();
    expect((await say("f")).status).toBe(201);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(29);
  });
});

describe("what is not modelled or not right", () => {
  test("every operation of the slice has a handler, and every rule an operation", () => {
    expect(modelledOperations.toSorted()).toEqual(sliceOperations.toSorted());
    const known = new Set([...sliceOperations, "git/upload-pack", "git/receive-pack"]);
    expect([...repositoryRules.keys(), ...appOperations].filter((id) => !known.has(id))).toEqual([]);
  });

  const take = () => stage.github.violations.splice(0);

  test("an operation nobody modelled is 501 and a violation", async () => {
    const place = await stage.makeRepository();
    const bot = await stage.asBot();
    expect(await refusal(bot.rest.repos.listForks(names(place)))).toMatch(
      /^501 .*does not model GET .*\/forks/,
    );
    expect(take()).toEqual([`unmodelled operation: GET /repos/${place.full}/forks`]);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["a member nobody knows", { title: "x", boddy: "y" }, "/boddy is no member that the description knows"],
    ["a member of the wrong kind", { title: "x", body: 5 }, "/requestBody/body must be string"],
    ["a missing member", { body: "y" }, "must have required property 'title'"],
  ])("%s is 422 and a violation", async (_name, body, problem) => {
    const place = await stage.makeRepository();
    const answer = await stage.github.as("alice").api("POST", `/repos/${place.full}/issues`, body);
    expect(answer.status).toBe(422);
    expect(take().join()).toContain(problem);
  });

  test("so are a query and a header that GitHub does not know", async () => {
    const place = await stage.makeRepository();
    const alice = stage.github.as("alice");
    expect((await alice.api("GET", `/repos/${place.full}/issues?stat=open`)).status).toBe(422);
    const headers = { "user-agent": "test", accept: "application/vnd.github.v9000+json" };
    expect((await fetch(`${stage.github.apiUrl}/repos/${place.full}`, { headers })).status).toBe(422);
    expect(take()).toHaveLength(2);
  });

  test("an App that asks for what does not exist is not made", async () => {
    const make = (permissions: Record<string, "write">, events: string[]) =>
      stage.github.createApp({ name: "Bad", permissions, events });
    await expect(make({ "pull-requests": "write" }, [])).rejects.toThrow(
      "there is no permission pull-requests",
    );
    await expect(make({ issues: "write" }, ["isues"])).rejects.toThrow("there is no event isues");
    await expect(make({ issues: "write" }, ["push"])).rejects.toThrow("push needs the permission contents");
  });
});

describe("making an App from a manifest", () => {
  const manifest = {
    name: "Self Hosted",
    url: "https://example.com",
    hook_attributes: { url: "http://127.0.0.1:9/hooks" },
    redirect_url: "http://localhost:3000/setup/done",
    public: false,
    default_permissions: everything,
    default_events: ["issues", "issue_comment"],
  };
  const post = (path: string, body: object) =>
    fetch(stage.github.url + path, {
      method: "POST",
      body: new URLSearchParams({ manifest: JSON.stringify(body) }),
      redirect: "manual",
    });

  test("the form leads back with code and state; the code buys the secrets once", async () => {
    const answer = await post("/organizations/acme/settings/apps/new?state=xyz", manifest);
    expect(answer.status).toBe(302);
    const back = new URL(answer.headers.get("location") ?? "");
    expect([back.origin + back.pathname, back.searchParams.get("state")]).toEqual([
      manifest.redirect_url,
      "xyz",
    ]);
    const convert = () =>
      fetch(`${stage.github.apiUrl}/app-manifests/${back.searchParams.get("code") ?? ""}/conversions`, {
        method: "POST",
        headers: { "user-agent": "test" },
      });
    const made = (await (await convert()).json()) as Record<string, unknown>;
    expect(made).toMatchObject({ slug: "self-hosted", permissions: everything, owner: { login: "acme" } });
    const app = await stage.asApp({ iss: made["id"] }, String(made["pem"])).rest.apps.getAuthenticated();
    expect(app.data?.slug).toBe("self-hosted");
    expect(made["webhook_secret"]).toBe(stage.github.app(Number(made["id"])).webhookSecret);
    expect((await convert()).status).toBe(404);
  });

  test("the new App is installed from its page", async () => {
    const form = new URLSearchParams({ account: "mallory" });
    const url = `${stage.github.url}/apps/self-hosted/installations/new`;
    expect(await (await fetch(url, { method: "POST", body: form })).text()).toMatch(/installed on mallory/);
    expect(await (await fetch(url)).text()).toContain("<option>acme</option>");
  });

  test.each<[string, object, string]>([
    [
      "a permission that does not exist",
      { default_permissions: { "pull-requests": "write" } },
      "no permission pull-requests",
    ],
    [
      "an event without its permission",
      { default_events: ["push"], default_permissions: {} },
      "push needs the permission",
    ],
    ["no webhook URL", { hook_attributes: {} }, "hook_attributes.url"],
    ["a field that does not exist", { default_permision: {} }, "default_permision is no field"],
    ["a name that is taken", { name: "Remote Claude" }, "name is already taken"],
  ])("%s is refused", async (_name, change, problem) => {
    const answer = await post("/settings/apps/new", { ...manifest, name: "Another", ...change });
    expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining(problem)]);
    expect(stage.github.violations.splice(0).join()).toContain(problem);
  });
});
