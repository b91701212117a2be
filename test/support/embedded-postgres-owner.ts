import { startEmbeddedPostgres } from "../../src/embedded-postgres.ts";
import { UserError } from "../../src/errors.ts";

/**
 * A bot that owns an embedded PostgreSQL and nothing else: says one JSON line when it runs or is refused, another one at
 * SIGINT (as a Ctrl-C that begins a drain), and ends cleanly at SIGTERM.
 */
const [dataDir = ""] = process.argv.slice(2);

const say = (line: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const server = await startEmbeddedPostgres({ dataDir });
  process.on("SIGINT", () => say({ draining: true }));
  process.on("SIGTERM", () => void server.stop());
  say({ url: server.url, uid: process.getuid?.() });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  say({ refused: error.code });
}
