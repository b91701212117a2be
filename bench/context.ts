import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { readAppManifest } from "../src/web/app-manifest.ts";
import { parseCommand } from "../src/webhooks/command.ts";
import { startGitHub } from "../test/standins/github/github.ts";
import { median } from "./bot/median.ts";
import { hostileBodies } from "./context/hostile-bodies.ts";

/**
 * What a person's words cost before anything is done: parsing the hardest bodies that GitHub takes, and building the context of a
 * pull request with 3,000 files and 5,000 comments, in a process of its own. Own time is that process's CPU time and git's
 * diff; what GitHub takes to answer is beside it. Prints one JSON object.
 */
const files = 3_000;
const comments = 5_000;
const run = promisify(execFile);

const parsing = Object.entries(hostileBodies).map(([name, body]) => ({
  name,
  ms: timeOf(() => parseCommand(body)),
}));
const slowest = parsing.reduce((a, b) => (a.ms > b.ms ? a : b));
const built = await buildContext();
process.stdout.write(
  `${JSON.stringify(
    {
      "parse.slowest_ms": round(slowest.ms),
      "context.own_ms": Math.round(built.cpuMs + built.diffMs),
      "context.grown_mb": Math.round(built.grownMb),
      raw: {
        slowest: slowest.name,
        bodies: parsing.length,
        medianMs: round(median(parsing.map(({ ms }) => ms))),
        ...built,
      },
    },
    null,
    2,
  )}\n`,
);

/** The middle of nine, after three to warm up. */
function timeOf(work: () => unknown): number {
  const taken = Array.from({ length: 12 }, () => {
    const since = performance.now();
    work();
    return performance.now() - since;
  });
  return median(taken.slice(3));
}

async function buildContext() {
  const folder = await mkdtemp(join(tmpdir(), "bench-context-"));
  const github = await startGitHub();
  try {
    github.createUser("alice");
    github.createOrganization("acme");
    const { manifest } = readAppManifest();
    const app = await github.createApp({
      ...{ name: "Remote Claude", owner: "acme" },
      ...{ permissions: manifest.default_permissions, events: manifest.default_events },
    });
    const made = await github.createRepository({
      owner: "acme",
      name: "large",
      files: { "README.md": "# large\n" },
    });
    const installation = github.install({ app, owner: "acme", repositories: "all" });
    github.setRole(made.fullName, "alice", "write");
    const many = Array.from({ length: files }, (_, index): [string, string] => [
      `many/${index % 50}/${index}.txt`,
      `line ${index}\n`.repeat(20),
    ]);
    await github.commit(made.fullName, { branch: "fix", files: Object.fromEntries(many) });
    const { number } = await github
      .as("alice")
      .openPull(made.fullName, { title: "Many files", head: "fix", base: "main" });
    const bodies = Array.from(
      { length: comments },
      (_, index) => `Comment ${index}: **please** look at \`many/${index}\`.\n\n> and at this\n`,
    );
    github.addComments(made.fullName, number, { bodies, by: "alice" });
    const mirror = join(folder, "mirror.git");
    await run("git", ["clone", "--quiet", "--mirror", made.directory, mirror]);
    const { stdout } = await run(
      process.execPath,
      [fileURLToPath(new URL("context/build.ts", import.meta.url))],
      {
        env: {
          ...{
            PATH: process.env.PATH,
            OWNER: "acme",
            NAME: "large",
            REPOSITORY_ID: String(made.id),
            NUMBER: String(number),
          },
          ...{
            INSTALLATION_ID: String(installation.id),
            MIRROR: mirror,
            LOG_LEVEL: "silent",
            DATA_DIR: folder,
          },
          ...{ APP_ID: String(app.id), PRIVATE_KEY: app.privateKey, WEBHOOK_SECRET: app.webhookSecret },
          ...{
            GITHUB_API_URL: github.apiUrl,
            GITHUB_SERVER_URL: github.url,
            ANTHROPIC_API_KEY: "sk-ant-standin",
          },
        },
      },
    );
    const figures = z.record(z.string(), z.number()).parse(JSON.parse(stdout));
    return z
      .object({ cpuMs: z.number(), diffMs: z.number(), grownMb: z.number(), frozenMs: z.number() })
      .loose()
      .parse(Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)])));
  } finally {
    await github.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
