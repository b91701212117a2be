import { dirname } from "node:path";
import { findClaude } from "../../src/sandbox/find-tool.ts";
import { startE2b, type E2bStandin } from "../standins/e2b/start-e2b.ts";

/**
 * An E2B whose machines have this machine's Claude Code and Node and reach the bot's server at `port`, with what the bot
 * has to know of it; local machines take over when it is away.
 */
export async function openE2b({
  port,
  apiKey,
}: {
  port: number;
  apiKey?: string;
}): Promise<{ standin: E2bStandin; env: Record<string, string> }> {
  const claude = await findClaude(null);
  if (claude === null) throw new Error("expected Claude Code in node_modules: run npm ci");
  const standin = await startE2b({
    ...(apiKey === undefined ? {} : { apiKey }),
    launcher: "bwrap",
    toolPaths: [dirname(claude), dirname(process.execPath)],
    reachable: [{ host: "127.0.0.1", port }],
  });
  const env = {
    SANDBOX_PROVIDER: "e2b,local",
    E2B_API_KEY: standin.apiKey,
    E2B_TEMPLATE: standin.template,
    E2B_API_URL: standin.apiUrl,
    E2B_SANDBOX_URL: standin.sandboxUrl,
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
  };
  return { standin, env };
}
