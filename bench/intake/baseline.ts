import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool, type Client } from "pg";
import { createNodeMiddleware, Probot, type ApplicationFunction } from "probot";
import { z } from "zod";

/**
 * What the intake is compared with, each a process of its own: `bare` (node:http, HMAC, JSON.parse), `probot`
 * (an empty handler) and `probot-insert` (a handler that stores the payload as jsonb). Prints its URL.
 */
const input = z.object({
  KIND: z.enum(["bare", "probot", "probot-insert"]),
  WEBHOOK_SECRET: z.string(),
  PRIVATE_KEY: z.string(),
  DATABASE_URL: z.string(),
});
const { KIND, WEBHOOK_SECRET, PRIVATE_KEY, DATABASE_URL } = input.parse(process.env);
const path = "/api/github/webhooks";

const server = createServer(
  KIND === "bare" ? bare : await probot(KIND === "probot" ? emptyApp : storingApp()),
);
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(
    `${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`,
  );
});

function bare(...[request, response]: Parameters<RequestListener>): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const expected = createHmac("sha256", WEBHOOK_SECRET).update(body).digest();
    const given = Buffer.from(String(request.headers["x-hub-signature-256"]).slice(7), "hex");
    const signed = given.length === expected.length && timingSafeEqual(given, expected);
    const parsed: unknown = JSON.parse(body.toString("utf8"));
    response.writeHead(signed && parsed !== null ? 202 : 401).end();
  });
}

async function probot(app: ApplicationFunction): Promise<RequestListener> {
  const bot = new Probot({ appId: 1, privateKey: PRIVATE_KEY, secret: WEBHOOK_SECRET, logLevel: "fatal" });
  const handle = await createNodeMiddleware(app, { probot: bot, webhooksPath: path });
  return (request, response) => void handle(request, response);
}

function emptyApp(app: Parameters<ApplicationFunction>[0]): void {
  app.on("issue_comment.created", () => undefined);
}

function storingApp(): ApplicationFunction {
  const pool = new Pool({ connectionString: DATABASE_URL, max: 4 }) as Pool & Pick<Client, "query">;
  const insert = {
    name: "insert",
    text: "insert into baseline_delivery (id, event, payload) values ($1, $2, $3) on conflict do nothing",
  };
  return (app) => {
    app.on("issue_comment.created", async ({ id, name, payload }) => {
      await pool.query(insert, [id, name, payload]);
    });
  };
}
