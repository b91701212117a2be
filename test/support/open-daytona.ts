import { dirname } from "node:path";
import { findClaude } from "../../src/sandbox/find-tool.ts";
import { startDaytona, type DaytonaStandin } from "../standins/daytona/start-daytona.ts";

/**
 * A Daytona whose machines have this machine's Claude Code and Node and reach the bot's server at `port`, with what the bot
 * has to know of it.
 */
export async function openDaytona({
  port,
  apiKey,
}: {
  port: number;
  apiKey: string;
}): Promise<{ standin: DaytonaStandin; env: Record<string, string> }> {
  const claude = await findClaude(null);
  if (claude === null) throw new Error("expected Claude Code in node_modules: run npm ci");
  const standin = await startDaytona({
    apiKey,
    toolPaths: [dirname(claude), dirname(process.execPath)],
    reachable: [{ host: "127.0.0.1", port }],
  });
  const env = {
    SANDBOX_PROVIDER: "daytona",
    DAYTONA_API_KEY: standin.apiKey,
    DAYTONA_API_URL: standin.apiUrl,
    DAYTONA_SNAPSHOT: standin.snapshot,
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
  };
  return { standin, env };
}
