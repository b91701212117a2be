import { readFileSync, writeFileSync } from "node:fs";
import { startEmbeddedPostgres } from "../../src/embedded-postgres.ts";
import { UserError } from "../../src/errors.ts";

/**
 * A bot that owns an embedded PostgreSQL and nothing else: says one JSON line when it runs or is refused, another one at
 * SIGINT (as a Ctrl-C that begins a drain), and ends cleanly at SIGTERM.
 */
const [dataDir = "", ...options] = process.argv.slice(2);

const say = (line: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(line)}\n`);

if (options.includes("--without-user-namespaces")) forbidUserNamespaces();

try {
  const server = await startEmbeddedPostgres({ dataDir });
  process.on("SIGINT", () => say({ draining: true }));
  process.on("SIGTERM", () => void server.stop());
  say({ url: server.url, uid: process.getuid?.() });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  say({ refused: error.code });
}

/** For the namespace that this process is in, which must be one of its own. */
function forbidUserNamespaces(): void {
  const mapped = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/);
  if (mapped[2] !== "1") throw new Error(`expected a user namespace with one user, got ${mapped.join(" ")}`);
  writeFileSync("/proc/sys/user/max_user_namespaces", "0");
}
