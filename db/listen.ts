import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { toError } from "../src/errors.ts";
import { withSettings } from "./connection-pool.ts";

const retryDelayMs = 500;

export type Listener = {
  onPayload: (payload: string) => void;
  /** Called each time the connection stands: what was notified before is gone. */
  onListening?: (() => void) | undefined;
  onLost?: ((error: Error) => void) | undefined;
};

/**
 * Hears NOTIFY on one channel, over a connection of its own that is made again whenever it is lost. Resolves when it
 * listens for the first time and rejects when that fails; answers how to stop.
 */
export async function listen(
  input: {
    url: string;
    settings: Readonly<Record<string, string>>;
    applicationName: string;
    channel: string;
  },
  listener: Listener,
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  let current = await connect(input, listener);

  const keepListening = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const lost = await current.lost;
      if (lost === null) return;
      listener.onLost?.(lost);
      const next = await reconnect(input, listener, stopping.signal);
      if (next === null) return;
      current = next;
    }
    await current.end();
  };
  const ended = keepListening();
  return async () => {
    stopping.abort();
    await current.end();
    await ended;
  };
}

/** `lost` is null when it was ended on purpose. */
type Connection = { lost: Promise<Error | null>; end: () => Promise<void> };

async function connect(input: Parameters<typeof listen>[0], listener: Listener): Promise<Connection> {
  const client = new Client({
    connectionString: withSettings(input.url, input.settings),
    application_name: input.applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const { promise: lost, resolve } = Promise.withResolvers<Error | null>();
  let ending = false;
  client.on("error", (error: Error) => resolve(error));
  client.on("end", () => resolve(null));
  client.on("notification", ({ payload }: { payload?: string }) => {
    if (!ending) listener.onPayload(payload ?? "");
  });
  const end = async () => {
    ending = true;
    resolve(null);
    await client.end();
  };
  try {
    await client.connect();
    await client.query(`listen "${input.channel.replaceAll('"', '""')}"`);
  } catch (error) {
    await end();
    throw error;
  }
  listener.onListening?.();
  return { lost, end };
}

async function reconnect(
  input: Parameters<typeof listen>[0],
  listener: Listener,
  stopping: AbortSignal,
): Promise<Connection | null> {
  while (!stopping.aborted) {
    try {
      return await connect(input, listener);
    } catch (error) {
      listener.onLost?.(toError(error));
      await delay(retryDelayMs);
    }
  }
  return null;
}
