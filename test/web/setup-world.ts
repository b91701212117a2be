import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createLogger } from "../../src/log.ts";
import { createSetup } from "../../src/web/setup.ts";
import { startGitHub, type GitHubStandin } from "../standins/github/github.ts";

export type SetupWorld = {
  github: GitHubStandin;
  /** Of our own server, without a slash at the end. */
  url: string;
  entry: string;
  settingsPath: string;
  /** How often the server was told that it may start anew. */
  saved: () => number;
  clock: { now: () => Date; advance: (ms: number) => void };
  close(): Promise<void>;
};

const token = "the-token-of-this-test";

/** /setup on a server of its own, with a GitHub of its own unless one is given. */
export async function openSetupWorld(
  options: { env?: Record<string, string>; settingsPath?: string; github?: GitHubStandin } = {},
): Promise<SetupWorld> {
  const directory = await mkdtemp(join(tmpdir(), "rc-setup-"));
  const github = options.github ?? (await startSetupGitHub());
  const config = readConfig({
    GITHUB_API_URL: github.apiUrl,
    GITHUB_SERVER_URL: github.url,
    LOG_LEVEL: "silent",
    ...options.env,
  });
  let offsetMs = 0;
  let saved = 0;
  const now = () => new Date(Date.now() + offsetMs);
  const settingsPath = join(directory, options.settingsPath ?? ".env");
  const setup = createSetup({
    config,
    log: createLogger(config, "setup"),
    settingsPath,
    token,
    clock: { now },
    onSaved: () => {
      saved++;
    },
  });
  const server = createServer((request, response) => {
    void setup.handle(request, response).then((handled) => {
      if (!handled) response.writeHead(503).end("not handled");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    github,
    url,
    entry: `${url}${setup.path}`,
    settingsPath,
    saved: () => saved,
    clock: { now, advance: (ms) => void (offsetMs += ms) },
    async close() {
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true });
      if (options.github === undefined) await closeGitHub(github);
    },
  };
}

export async function startSetupGitHub(): Promise<GitHubStandin> {
  const github = await startGitHub();
  github.createUser("alice");
  github.createOrganization("acme", { owners: ["alice"] });
  return github;
}

export async function closeGitHub(github: GitHubStandin): Promise<void> {
  await github.drained();
  await github.close();
  expect(github.violations, "what GitHub would not have accepted").toEqual([]);
}
