import { afterEach, beforeEach, expect, test } from "vitest";
import { startGitHub, type GitHubStandin } from "./github/github.ts";
import type { Person } from "./github/people.ts";

let github: GitHubStandin;
let alice: Person;
let nowMs: number;
const repo = "alice/widgets";

async function open(options: { private: boolean }): Promise<void> {
  nowMs = Date.parse("2026-01-02T03:04:05Z");
  github = await startGitHub({ now: () => new Date(nowMs) });
  github.createUser("alice");
  github.createUser("mallory");
  await github.createRepository({ owner: "alice", name: "widgets", ...options });
  alice = github.as("alice");
}

beforeEach(() => open({ private: true }));
afterEach(async () => {
  await github.drained();
  await github.close();
  expect(github.violations).toEqual([]);
});

const get = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers, redirect: "manual" });

async function signedIn(html: unknown): Promise<Response> {
  const [, url = ""] = /<img src="([^"]+)"/.exec(String(html)) ?? [];
  return get(url);
}

test("a private attachment is shown to people who may read the repository, and to nobody else", async () => {
  const { url, markdown } = alice.attach(repo, { name: "a b.log", data: "text" });
  expect(markdown).toBe(`[a b.log](${url})`);
  expect(url).toMatch(/\/user-attachments\/files\/\d+\/a\.b\.log$/);
  expect((await get(url)).status).toBe(404);
  expect((await get(url, { authorization: `token ${github.as("mallory").token}` })).status).toBe(404);
  const shown = await get(url, { authorization: `token ${alice.token}` });
  expect(shown.status).toBe(302);
  expect(await (await get(shown.headers.get("location") ?? "")).text()).toBe("text");
});

test("a public one is shown to anybody", async () => {
  github.setVisibility(repo, "public");
  const { url } = alice.attach(repo, { name: "a.png", data: "png" });
  expect(await (await fetch(url)).text()).toBe("png");
});

test("body_html lends the images that are shown, for five minutes", async () => {
  const { markdown } = alice.attach(repo, { name: "a.png", data: "png" });
  const { number } = await alice.createIssue(repo, { title: "t", body: markdown });
  const hidden = await alice.comment(repo, number, `<!-- ${markdown} -->`);
  const read = async (path: string) =>
    (await (
      await fetch(`${github.apiUrl}/repos/${repo}/issues/${path}`, {
        headers: { authorization: `token ${alice.token}`, accept: "application/vnd.github.full+json" },
      })
    ).json()) as { body: string; body_html: string };
  const issue = await read(String(number));
  expect(issue.body).toBe(markdown);
  expect(await (await signedIn(issue.body_html)).text()).toBe("png");
  expect((await read(`comments/${hidden.id}`)).body_html).not.toContain("<img");
  nowMs += 6 * 60_000;
  expect((await signedIn(issue.body_html)).status).toBe(403);
  expect((await signedIn(issue.body_html.replaceAll(/token=\d/g, "token=9"))).status).toBe(403);
  expect((await alice.api("GET", `/repos/${repo}/issues/${number}`)).body).not.toHaveProperty("body_html");
});

test("a credential at a signed address, another method, another's repository and an unknown kind are refused", async () => {
  const { url } = alice.attach(repo, { name: "a.png", data: "png" });
  const shown = await get(url, { authorization: `token ${alice.token}` });
  const signed = shown.headers.get("location") ?? "";
  expect((await get(signed, { authorization: "token x" })).status).toBe(400);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
  expect(github.violations.splice(0)).toHaveLength(2);
  expect(() => github.as("mallory").attach(repo, { name: "a.png", data: "png" })).toThrow("cannot see");
  expect(() => alice.attach(repo, { name: "a.exe", data: "x" })).toThrow("does not take");
  expect(() => alice.attach(repo, { name: "a.png", data: Buffer.alloc(11_000_000) })).toThrow(
    "takes 10485760",
  );
});
