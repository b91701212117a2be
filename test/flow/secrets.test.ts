import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { turnToken } from "../../db/schema.ts";
import { answer, type Scenario } from "../standins/model/reply.ts";
import { bash, writeFiles } from "../standins/model/scenarios.ts";
import { startS3, type S3Standin } from "../standins/s3/start-s3.ts";
import { keyCanaries, makeCanaryValues, type Canary } from "../support/canaries.ts";
import { canariesOf, readKept, readMachines, readRequests } from "../support/collect-findings.ts";
import { readFolder } from "../support/read-folder.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { scanForSecrets, type Finding, type Hit } from "../support/secret-scan.ts";
import { tapRequests, type TappedRequest } from "../support/tap-requests.ts";
import { watchProcesses } from "../support/watch-processes.ts";
import { openWorld, type World, type WorldOptions } from "../support/world.ts";

const values = makeCanaryValues();
const cleanUps: (() => void | Promise<void>)[] = [];
beforeEach((context) => needBwrap(context));
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Looks wherever an agent can look, and puts all it finds where it would be published. */
const search = (resultPath: string) => `
{ echo "== environment"; env
  echo "== processes"; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'
  echo "== git"; git config -l --show-origin; git remote -v; cat .git/config .git/logs/HEAD .git/FETCH_HEAD
  echo "== home"; cat ~/.claude* ~/.gitconfig ~/.git-credentials ~/.netrc; find ~ -type f -size -200k | xargs tail -c 2000
  echo "== everywhere"
  find / '(' -path /proc -o -path /sys -o -path /dev -o -path /usr -o -name node_modules ')' -prune -o \\
    -type f -size -1024k -print0 | xargs -0 grep -aoE '(gh[a-z]_|sk-ant-|e2b_|dtn_|AKIA|eyJ|postgres://|x-access-token|PRIVATE KEY)[^[:space:]"]*'
  find / -xdev -type s
} >found.txt 2>&1
{ echo "# What I found"; echo '~~~'; grep -avE '^(==|cat:|find:|grep:)' found.txt | head -c 20000; echo '~~~'; } >${resultPath}
tail -c 20000 found.txt`;

const searchEverywhere =
  (look: () => Promise<void>): Scenario =>
  async ({ turn, prompt, results }) => {
    if (turn === 0) {
      const [path = "result.md"] = /\/(?:[^\s`"']+\/)?result\.md/.exec(prompt) ?? [];
      return answer("I'll look around.", bash(search(path), "Look around"));
    }
    await look();
    return answer(
      `All I found: ${results
        .map(({ text }) => text)
        .join("\n")
        .slice(-10_000)}`,
    );
  };

type Variant = { name: string; options: WorldOptions; s3: boolean };
const variants: Variant[] = [
  { name: "local", options: {}, s3: false },
  { name: "E2B", options: { e2b: { apiKey: values.e2bApiKey } }, s3: true },
  { name: "Daytona", options: { daytona: { apiKey: values.daytonaApiKey } }, s3: false },
];

function secretsOf(world: World): Canary[] {
  const bot: Record<string, string | Buffer> = {
    WEBHOOK_SECRET: world.app.webhookSecret,
    WEBHOOK_SECRET_PREVIOUS: values.webhookSecretPrevious,
    ENCRYPTION_KEY: values.encryptionKey,
    "ENCRYPTION_KEY as text": values.encryptionKey.toString("base64"),
    GITHUB_CLIENT_SECRET: values.clientSecret,
    CHECKPOINT_S3_SECRET_ACCESS_KEY: values.s3SecretAccessKey,
    "database password": decodeURIComponent(new URL(world.database.url).password),
  };
  return [
    ...Object.entries(bot).map(([name, value]): Canary => ({ name, kind: "bot", value })),
    ...keyCanaries(world.app.privateKey),
    { name: "ANTHROPIC_API_KEY", kind: "model", value: values.anthropicApiKey },
    { name: "CHECKPOINT_S3_ACCESS_KEY_ID", kind: "s3-id", value: values.s3AccessKeyId },
    { name: "E2B_API_KEY", kind: "provider", value: values.e2bApiKey },
    { name: "DAYTONA_API_KEY", kind: "provider", value: values.daytonaApiKey },
  ];
}

/** Where a credential does its work; everywhere else it is a leak. */
const exceptions: readonly { kind: Canary["kind"]; place: RegExp }[] = [
  { kind: "github", place: /^header to github: authorization$/ },
  { kind: "model", place: /^header to model: x-api-key$/ },
  { kind: "provider", place: /^header to e2b: x-api-key$/ },
  { kind: "provider", place: /^header to daytona: authorization$/ },
  { kind: "s3-id", place: /^header to s3: authorization$/ },
  // Our own git on the host: its environment is its user's alone, and neither file nor argv.
  { kind: "github", place: /^environ in host: git/ },
  ...(["turn", "shown-turn"] as const).flatMap((kind) => [
    { kind, place: /^header to (?:gateway|bot): (?:x-api-key|proxy-authorization)$/ },
    { kind, place: /^environ in machine: / },
    // How the agent gets its environment elsewhere.
    { kind, place: /^body to e2b: POST \/process\.Process\/Start$/ },
    { kind, place: /^body to daytona: POST \/toolbox\/[^/]+\/process\/execute$/ },
    // E2B's launcher is a shell text that ends in `env`: in the machine, of the user whose environment has the token anyway.
    { kind, place: /^argv in machine: (?:(?:ba)?sh|env)$/ },
    { kind, place: /^argv in (?:host|machine): nsenter$/ },
  ]),
  // What the agent itself says to the model and writes, its own environment for instance; the token is ended by then.
  { kind: "shown-turn", place: /^machine (?:while it searches|after the search): / },
  { kind: "shown-turn", place: /^body to (?:gateway|bot|model): POST (?:\/gateway\/[\w-]+)?\/v1\/messages/ },
  { kind: "shown-turn", place: /^body to github: POST \/acme\/widgets\.git\/git-receive-pack$/ },
  // The pushed commit, as the bot's own mirror of that repository keeps it.
  { kind: "shown-turn", place: /^data afterwards: mirrors\/\d+\.git\/objects\// },
];

const leaks = (hits: readonly Hit[]) =>
  hits.filter((hit) => !exceptions.some(({ kind, place }) => kind === hit.kind && place.test(hit.place)));

/** A scan that does not see credentials where they have to be would not see them elsewhere. */
function expectSeen(hits: readonly Hit[], { name, s3 }: Variant): void {
  const seen = new Set(hits.map(({ place }) => place));
  const provider = { E2B: "header to e2b: x-api-key", Daytona: "header to daytona: authorization" };
  const wanted = [
    "header to github: authorization",
    "header to model: x-api-key",
    name === "local" ? "header to gateway: x-api-key" : "header to bot: x-api-key",
    ...(name in provider ? [provider[name as keyof typeof provider]] : []),
    ...(s3 ? ["header to s3: authorization"] : []),
    "environ in machine: claude",
    "environ in host: git-remote-http",
    "machine after the search: workspace/repo/found.txt",
    "body to github: POST /acme/widgets.git/git-receive-pack",
  ];
  expect(wanted.filter((place) => !seen.has(place))).toEqual([]);
}

/** What is kept of sessions outside their machines, as it lies there. */
async function sealedObjects(world: World, s3: S3Standin | null): Promise<Finding[]> {
  if (s3 === null) return readFolder("checkpoints", join(world.config.dataDir, "checkpoints"));
  return Array.from(s3.objects(), ([place, { body }]) => ({ place, bytes: Buffer.from(body) }));
}

/** A turn's token opens nothing once the turn is over, whoever has seen it. */
async function expectTokensEnded(world: World, requests: readonly TappedRequest[]): Promise<void> {
  const rows = await world.database.database.system.select().from(turnToken);
  expect(rows.map(({ revokedAt }) => revokedAt)).not.toContain(null);
  const calls = requests.filter(({ url }) => url.startsWith("/gateway/"));
  for (const { url, headers } of calls.slice(-1)) {
    const key = String(headers["x-api-key"]);
    const again = await fetch(`${world.server.url}${url}`, { method: "POST", headers: { "x-api-key": key } });
    expect(again.status).toBe(403);
  }
}

async function open({ options, s3: withS3 }: Variant) {
  const tap = tapRequests();
  cleanUps.push(tap.stop);
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = values;
  let s3: S3Standin | null = null;
  if (withS3) {
    const started = await startS3({ accessKeyId, secretAccessKey });
    cleanUps.push(() => started.close());
    s3 = started;
  }
  const lines: string[] = [];
  const world = await openWorld({
    ...options,
    modelKey: values.anthropicApiKey,
    logTo: { write: (line) => void lines.push(line) },
    env: {
      LOG_LEVEL: "trace",
      WEBHOOK_SECRET_PREVIOUS: values.webhookSecretPrevious,
      GITHUB_CLIENT_SECRET: values.clientSecret,
      ENCRYPTION_KEY: values.encryptionKey.toString("base64"),
      ...(s3 === null
        ? {}
        : {
            CHECKPOINT_S3_URL: s3.url,
            CHECKPOINT_S3_REGION: s3.region,
            CHECKPOINT_S3_ACCESS_KEY_ID: accessKeyId,
            CHECKPOINT_S3_SECRET_ACCESS_KEY: secretAccessKey,
          }),
    },
  });
  cleanUps.push(() => world.close());
  const processes = watchProcesses();
  cleanUps.push(processes.stop);
  return { tap, s3, lines, world, processes };
}

test.each(variants)("no secret is anywhere: $name", { timeout: 240_000 }, async (variant) => {
  const { tap, lines, world, processes, s3 } = await open(variant);
  const findings: Finding[] = [];
  world.model.script(writeFiles({ "turn.txt": "turned\n" }));
  await world.startWorker();
  const { issueNumber } = await world.ask(`/claude write turn.txt, ${values.marker}`);
  expect(await world.untilReported(issueNumber)).toMatchObject({ status: "completed" });
  findings.push(...(await readMachines(world, "after an ordinary turn")));
  world.model.script(
    searchEverywhere(async () => {
      findings.push(...(await readMachines(world, "while it searches")));
      findings.push(...(await readKept(world, "while it searches")));
    }),
  );
  await world.github.as("alice").comment(world.repository, issueNumber, "/claude look around");
  expect(await world.untilReported(issueNumber, { count: 2 })).toMatchObject({ status: "completed" });
  findings.push(...(await readMachines(world, "after the search")));
  findings.push(...(await readKept(world, "afterwards")));
  findings.push(...readRequests(world, tap.requests), ...processes.findings);
  expect(lines.join("")).toContain('"name":"worker"');
  findings.push({ place: "log", bytes: Buffer.from(lines.join("")) });
  const made = canariesOf(tap.requests);
  const hits = scanForSecrets([...secretsOf(world), ...made], findings);
  expect(leaks(hits)).toEqual([]);
  expectSeen(hits, variant);
  const sealed = await sealedObjects(world, s3);
  const marker: Canary = { name: "marker", kind: "marker", value: values.marker };
  expect(sealed).not.toEqual([]);
  expect(scanForSecrets([marker], sealed)).toEqual([]);
  expect(
    scanForSecrets(
      [marker],
      findings.filter(({ place }) => place.startsWith("machine")),
    ),
  ).not.toEqual([]);
  await expectTokensEnded(world, tap.requests);
});
