import { createLocalProvider } from "../../src/sandbox/local.ts";

/** A worker of its own that runs one long command and waits to be killed: node hold-machine.ts <dataDir> <isolation> <seconds>. */
const [dataDir = "", isolation = "", seconds = ""] = process.argv.slice(2);
if (isolation !== "bwrap" && isolation !== "none") throw new Error(`expected an isolation, got ${isolation}`);

const provider = createLocalProvider({ dataDir, isolation, claudeBin: null, log: { warn: () => undefined } });
const sandbox = await provider.create({
  metadata: { app: "test", session: "s", fence: "1" },
  timeoutMs: 60_000,
  egress: [],
});
await sandbox.exec({
  argv: ["sh", "-c", 'trap "" INT TERM HUP; setsid sleep "$1" & echo ready; sleep "$1"', "sh", seconds],
  timeoutMs: 600_000,
  onStdout: () => void process.stdout.write(`${sandbox.id}\n`),
});
