import { createServer, request as send } from "node:http";
import { answerChecks, noChecks, type ChecksFacts } from "./checks-server.ts";

export type ChecksFront = { apiUrl: string; facts: ChecksFacts; close(): Promise<void> };

/** Stands before a stand-in of GitHub: answers what is asked about checks, and passes on everything else. */
export async function checksFront(apiUrl: string): Promise<ChecksFront> {
  const behind = new URL(apiUrl);
  const facts = noChecks();
  const server = createServer((request, response) => {
    if (answerChecks(facts, request, response)) return;
    const passed = send(
      {
        ...{ host: behind.hostname, port: behind.port, path: request.url, method: request.method },
        headers: { ...request.headers, host: behind.host },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a TCP address");
  return {
    apiUrl: `http://127.0.0.1:${address.port}${behind.pathname}`,
    facts,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
