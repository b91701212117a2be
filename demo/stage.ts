import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { readAppManifest } from "../src/web/app-manifest.ts";
import { startGitHub, type GitHubStandin } from "../test/standins/github/github.ts";
import { demoFix } from "../test/standins/model/demo-fix.ts";
import type { Scenario } from "../test/standins/model/reply.ts";
import { startModel, type ModelStandin } from "../test/standins/model/start-model.ts";
import type { E2bStandin } from "../test/standins/e2b/start-e2b.ts";
import { openE2b } from "../test/support/open-e2b.ts";
import { findFreePort } from "../test/support/free-port.ts";
import { readDemoRepository } from "../test/support/demo-repository.ts";
import type { Teller } from "./teller.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Everything a story plays on: a GitHub of its own, the bot as `npm start` starts it, and a model. */
export type Stage = {
  github: GitHubStandin;
  model: { kind: "scripted"; standin: ModelStandin } | { kind: "live" };
  /** Null unless the story asked for one. */
  e2b: E2bStandin | null;
  isolation: "bwrap" | "none";
  /** The process that `npm start` is. */
  botPid: number;
  /** owner/name */
  repository: string;
  /** Runs the command line of the bot and parses what it prints with --json. */
  cli(args: readonly string[]): Promise<unknown>;
  issueUrl(url?: string): string | null;
  /** Resolves on Ctrl-C. */
  interrupted: Promise<void>;
  close(): Promise<void>;
};

export async function openStage(
  tell: Teller,
  options: { env?: Record<string, string>; scenario?: Scenario; e2b?: boolean } = {},
): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "remote-claude-demo-"));
  const port = await findFreePort();
  const botUrl = `http://127.0.0.1:${port}`;
  const github = await startGitHub();
  const live = (process.env.ANTHROPIC_API_KEY ?? "") !== "";
  const standin = live ? null : await startModel({ scenario: options.scenario ?? demoFix });
  tell.step(`a GitHub stand-in with real git listens on ${github.url}`);
  tell.step(
    standin === null
      ? "the model is the real one, with your ANTHROPIC_API_KEY"
      : "no ANTHROPIC_API_KEY is set, so a scripted model server answers; Claude Code itself is the real one",
  );
  const { app, repository } = await prepareGitHub(github, `${botUrl}/api/github/webhooks`);
  const isolation = await chooseIsolation(tell);
  if (options.e2b === true && isolation === "none")
    throw new Error(
      "this story needs bubblewrap for the machines of its E2B: apt-get install bubblewrap socat",
    );
  const e2b = options.e2b === true ? await openE2b({ port }) : null;
  if (e2b !== null) tell.step(`an E2B stand-in listens on ${e2b.standin.apiUrl}`);
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LANG: process.env.LANG,
    APP_ID: String(app.id),
    PRIVATE_KEY: app.privateKey,
    WEBHOOK_SECRET: app.webhookSecret,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_SERVER_URL: github.url,
    HOST: "127.0.0.1",
    PORT: String(port),
    PUBLIC_URL: botUrl,
    DATA_DIR: directory,
    SANDBOX_LOCAL_ISOLATION: isolation,
    ...(standin === null
      ? { ANTHROPIC_API_KEY: process.env.ANTHROPIC_API_KEY }
      : { ANTHROPIC_API_KEY: "sk-ant-standin", ANTHROPIC_BASE_URL: standin.url }),
    ...e2b?.env,
    ...options.env,
  };
  const bot = startBot(env, join(directory, "bot.log"));
  let issueUrl: string | null = null;
  let interrupt: () => void;
  const interrupted = new Promise<void>((resolve) => (interrupt = resolve));
  process.on("SIGINT", () => interrupt());
  process.on("SIGTERM", () => interrupt());
  const stage: Stage = {
    github,
    model: standin === null ? { kind: "live" } : { kind: "scripted", standin },
    e2b: e2b?.standin ?? null,
    isolation,
    botPid: bot.pid ?? 0,
    repository,
    cli: (args) => runCli(env, args),
    issueUrl: (url) => (url === undefined ? issueUrl : (issueUrl = url)),
    interrupted,
    async close() {
      await stopBot(bot);
      await standin?.close();
      await e2b?.standin.close();
      await github.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await untilReady(bot, botUrl, join(directory, "bot.log"));
  } catch (error) {
    await stage.close();
    throw error;
  }
  tell.step(
    `the bot runs: server and worker, an embedded PostgreSQL, sandboxes ${e2b === null ? "" : "at E2B, and if it is away "}by ${isolation === "bwrap" ? "bubblewrap" : "plain processes"}`,
  );
  return stage;
}

async function prepareGitHub(github: GitHubStandin, webhookUrl: string) {
  github.createOrganization("acme");
  const { manifest } = readAppManifest();
  const app = await github.createApp({
    name: "Remote Claude",
    owner: "acme",
    permissions: manifest.default_permissions,
    events: manifest.default_events,
    webhookUrl,
  });
  const repository = await github.createRepository({
    owner: "acme",
    name: "slugs",
    files: await readDemoRepository(),
  });
  github.install({ app, owner: "acme", repositories: "all" });
  const alice = github.createUser("alice");
  github.setRole(repository.fullName, alice.login, "write");
  return { app, repository: repository.fullName };
}

/** Repository and model of the demo are ours, so it may go on without isolation; a real bot would refuse. */
async function chooseIsolation(tell: Teller): Promise<"bwrap" | "none"> {
  const { createLocalProvider } = await import("../src/sandbox/local.ts");
  const { createLogger } = await import("../src/log.ts");
  const { UserError } = await import("../src/errors.ts");
  const dataDir = await mkdtemp(join(tmpdir(), "remote-claude-probe-"));
  const provider = createLocalProvider({
    dataDir,
    isolation: "bwrap",
    claudeBin: null,
    log: createLogger({ logLevel: "silent" }, "demo"),
  });
  try {
    await provider.probe();
    return "bwrap";
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    tell.say(
      `\nAgents cannot be isolated on this machine: ${error.message}\n${error.remedy}\n` +
        "A real bot refuses to start like this. The demo's repository and model are its own, so it goes on without isolation.\n",
    );
    return "none";
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

function startBot(env: NodeJS.ProcessEnv, logPath: string): ChildProcess {
  const bot = spawn(process.execPath, [join(root, "src/start.ts")], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = createWriteStream(logPath);
  bot.stdout.pipe(log, { end: false });
  bot.stderr.pipe(log, { end: false });
  return bot;
}

async function stopBot(bot: ChildProcess): Promise<void> {
  if (bot.exitCode !== null || bot.signalCode !== null) return;
  const ended = new Promise((resolve) => bot.once("exit", resolve));
  bot.kill("SIGTERM");
  const patience = setTimeout(() => bot.kill("SIGKILL"), 30_000);
  await ended;
  clearTimeout(patience);
}

async function untilReady(bot: ChildProcess, url: string, logPath: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && bot.exitCode === null) {
    const ready = await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) return;
    await delay(100);
  }
  throw new Error(
    `the bot did not start; its last words:\n${(await readFile(logPath, "utf8")).slice(-4_000)}`,
  );
}

async function runCli(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<unknown> {
  const child = spawn(process.execPath, [join(root, "src/cli.ts"), ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0)
    throw new Error(
      `remote-claude ${args.join(" ")} ended with ${String(code)}: ${Buffer.concat(err).toString("utf8")}`,
    );
  return JSON.parse(Buffer.concat(out).toString("utf8"));
}
