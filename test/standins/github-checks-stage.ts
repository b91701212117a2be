import { Octokit } from "@octokit/rest";
import { openStage, signJwt } from "./github-stage.ts";
import type { Place, Stage } from "./github-stage.ts";
import type { Permissions } from "./github/state.ts";

/** What the watching App may do. */
export const reads: Permissions = {
  metadata: "read",
  contents: "read",
  pull_requests: "read",
  checks: "read",
  statuses: "read",
  actions: "read",
};

type Payload = {
  action?: string;
  repository: { id: number };
  sender: { login: string };
  check_run?: { name: string; check_suite: { id: number } };
  check_suite?: {
    id: number;
    conclusion: string | null;
    head_branch: string | null;
    updated_at: string;
    pull_requests: { number: number }[];
    app: { slug: string };
  };
  state?: string;
  branches?: { name: string }[];
};

/** A stage with a second App, which may only read, and hears of checks and statuses. */
export type ChecksStage = {
  stage: Stage;
  /** Of the watching App. */
  reader: Octokit;
  /** A client of the watching App with no more than these permissions. */
  client: (permissions: Permissions) => Promise<Octokit>;
  /** A repository with an open pull request of its own. */
  open: () => Promise<{ place: Place; number: number; sha: string; main: string }>;
  /** What the watching App heard about a repository, in the order it was sent. */
  heard: (place: Place, event: string) => Promise<Payload[]>;
};

const quiet = (): undefined => undefined;

export async function openChecksStage(): Promise<ChecksStage> {
  const stage = await openStage();
  const { github } = stage;
  const watcher = await github.createApp({
    name: "Watcher",
    owner: "acme",
    permissions: reads,
    events: ["check_run", "check_suite", "status"],
    webhookUrl: `${github.url}/nobody/hears`,
  });
  const { id } = github.install({ app: watcher, owner: "acme", repositories: "all" });
  const client = async (permissions: Permissions): Promise<Octokit> => {
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const options = { baseUrl: github.apiUrl, log };
    const app = new Octokit({ ...options, auth: signJwt({ iss: watcher.id }, watcher.privateKey) });
    const wanted = { installation_id: id, permissions };
    const { data } = await app.rest.apps.createInstallationAccessToken(wanted);
    return new Octokit({ ...options, auth: data.token });
  };
  return {
    ...{ stage, client, reader: await client(reads) },
    open: async () => {
      const place = await stage.makeRepository();
      const [first] = await github.commits(place.full, "main");
      const files = { "a.txt": "a\n" };
      const sha = await github.commit(place.full, { branch: "topic", files, by: "alice" });
      const pull = { title: "Topic", head: "topic", base: "main" };
      const { number } = await github.as("alice").openPull(place.full, pull);
      await github.drained();
      return { place, number, sha, main: first?.sha ?? "" };
    },
    heard: async (place, event) => {
      await github.drained();
      return github
        .deliveries()
        .filter((it) => it.event === event)
        .filter((it) => it.requestHeaders["X-GitHub-Hook-Installation-Target-ID"] === String(watcher.id))
        .map(({ body }) => JSON.parse(body) as Payload)
        .filter(({ repository }) => repository.id === place.id);
    },
  };
}
