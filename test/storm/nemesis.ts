import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { z } from "zod";

const passing = z.strictObject({ point: z.string(), subject: z.string(), pid: z.int() });

/** A process at a crash point. */
export type Passing = z.infer<typeof passing>;

export type Nemesis = {
  url: string;
  /** Those that wait at their point, in the order in which they came. */
  standing: Passing[];
  /** Lets all that stand go on, and whoever comes from now on. */
  release(): void;
  close(): Promise<void>;
};

/** Answers every process that passes a crash point: at once, or, where `holds` says so, when it is released. */
export async function openNemesis(holds: (at: Passing) => Promise<boolean>): Promise<Nemesis> {
  const waiting: ServerResponse[] = [];
  const standing: Passing[] = [];
  let open = false;
  const answer = async (body: string, response: ServerResponse): Promise<void> => {
    const at = passing.parse(JSON.parse(body));
    if (open || !(await holds(at))) {
      response.end();
      return;
    }
    standing.push(at);
    waiting.push(response);
  };
  const server = createServer((request, response) => {
    text(request)
      .then((body) => answer(body, response))
      .catch((error: unknown) => {
        // The process was killed while it asked.
        if (!request.destroyed) response.writeHead(500).end(String(error));
      });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    standing,
    release() {
      open = true;
      for (const response of waiting.splice(0)) response.end();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
