import type { Logger } from "../log.ts";

/** Development only: fetches deliveries from a smee.io channel. Answers how to stop it. */
export async function startSmee(input: {
  source: string;
  target: string;
  log: Logger;
}): Promise<() => Promise<void>> {
  const { SmeeClient } = await import("smee-client");
  const { log } = input;
  log.warn(
    { channel: input.source },
    "webhooks come through smee: for development only, and a body that smee writes differently than GitHub fails its signature",
  );
  const client = new SmeeClient({
    source: input.source,
    target: input.target,
    logger: {
      info: (message: unknown) => log.debug({ smee: message }, "smee"),
      error: (message: unknown) => log.warn({ smee: message }, "smee"),
    },
  });
  await client.start();
  return () => client.stop();
}
