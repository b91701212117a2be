import type { Config } from "../../config.ts";
import { readAppManifest } from "../../web/app-manifest.ts";
import type { CliIo } from "../cli-io.ts";
import { createCliLogger } from "../cli-logger.ts";
import { findDatabaseUrl } from "../open-cli-database.ts";
import { checkCredentials, checkPermissions } from "./check-app.ts";
import { checkAudit } from "./check-audit.ts";
import { checkCharges, checkStripe } from "./check-billing.ts";
import { checkCheckpoints } from "./check-checkpoints.ts";
import { checkClaude } from "./check-claude.ts";
import { checkDataDir } from "./check-data-dir.ts";
import { checkDatabase } from "./check-database.ts";
import { checkInstallations } from "./check-installations.ts";
import { checkModel } from "./check-model.ts";
import { checkQueue } from "./check-queue.ts";
import { checkSandboxes } from "./check-sandboxes.ts";
import { checkWebhookUrl } from "./check-webhook-url.ts";
import { runCheck, skipped, warn, type Check, type CheckResult } from "./check.ts";
import { readApp, type AppFacts } from "./read-app.ts";

type Input = { config: Config; io: Pick<CliIo, "writeError"> };

/** All checks that need a sound configuration, in the order in which a person mends them. */
export async function checkEverything(input: Input): Promise<Check[]> {
  const { config, io } = input;
  const groups = await Promise.all([
    runCheck({ id: "data-dir", title: "DATA_DIR" }, () => checkDataDir(config.dataDir)),
    checkStorage(input),
    runCheck({ id: "checkpoints", title: "Checkpoints" }, () =>
      checkCheckpoints(config, createCliLogger(io)),
    ),
    runCheck({ id: "claude", title: "Claude Code" }, () =>
      config.sandbox.providers.includes("local")
        ? checkClaude(config.sandbox.claudeBin)
        : skipped("no agent runs on this machine"),
    ),
    ...checkSandboxes(config, createCliLogger(io)),
    runCheck({ id: "model", title: "Model" }, () => checkModel(config.model)),
    ...checkBilling(config),
    checkGitHub(input),
  ]);
  return groups.flat();
}

async function checkStorage({ config, io }: Input): Promise<Check[]> {
  const log = createCliLogger(io);
  const url = findDatabaseUrl(config);
  const database = await runCheck({ id: "database", title: "Database" }, async () =>
    checkDatabase(await url),
  );
  const queue = await runCheck({ id: "queue", title: "Queue" }, async () =>
    database.status === "ok" ? checkQueue({ url: await url, log }) : skipped("needs the database"),
  );
  const audit = await runCheck({ id: "audit", title: "Audit log" }, async () =>
    database.status === "ok" ? checkAudit(await url) : skipped("needs the database"),
  );
  if (config.billing === null) return [database, queue, audit];
  const charges = await runCheck({ id: "charges", title: "Charges" }, async () =>
    database.status === "ok" ? checkCharges(await url) : skipped("needs the database"),
  );
  return [database, queue, audit, charges];
}

/** Nothing where nobody is billed. */
function checkBilling({ billing }: Config): Promise<Check>[] {
  return billing === null ? [] : [runCheck({ id: "stripe", title: "Stripe" }, () => checkStripe(billing))];
}

async function checkGitHub({ config, io }: Input): Promise<Check[]> {
  const { app, github } = config;
  const { manifest } = readAppManifest();
  let facts: AppFacts | null = null;
  const credentials = await runCheck({ id: "github-app", title: "GitHub App" }, async () => {
    if (app === null) {
      return warn("none is configured", "Start the server and open the address of /setup that it prints.");
    }
    facts = await readApp({ github, app, log: createCliLogger(io) });
    return checkCredentials(app, facts);
  });
  const withApp = (look: (found: AppFacts) => Promise<CheckResult> | CheckResult) => () =>
    facts === null ? skipped("needs the GitHub App") : look(facts);
  return [
    credentials,
    ...(await Promise.all([
      runCheck(
        { id: "github-permissions", title: "Permissions" },
        withApp((found) => checkPermissions(manifest, found)),
      ),
      runCheck(
        { id: "github-installations", title: "Installations" },
        withApp((found) => checkInstallations(manifest, found)),
      ),
      runCheck(
        { id: "webhook-url", title: "Webhook URL" },
        withApp((found) => checkWebhookUrl(config, found)),
      ),
    ])),
  ];
}
