import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createGitHub, type MintedToken } from "../../src/github/octokit.ts";
import { silent } from "../queue/start-worker.ts";
import { testPrivateKey } from "../webhooks/test-private-key.ts";

/** A GitHub that grants what it is told to, to see that we do not take more, or less, than we asked for. */

let server: Server;
let grant: Record<string, unknown>;
let asked: unknown[] = [];
let revoked = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method === "DELETE") {
        revoked += 1;
        response.writeHead(204).end();
        return;
      }
      asked.push(JSON.parse(Buffer.concat(chunks).toString("utf8")));
      response.writeHead(201, { "content-type": "application/json" });
      response.end(JSON.stringify({ token: "a-token", expires_at: "2030-01-01T00:00:00Z", ...grant }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

function client(onMinted?: (minted: MintedToken) => Promise<void>) {
  const { port } = server.address() as AddressInfo;
  const config = readConfig({
    APP_ID: "7",
    PRIVATE_KEY: testPrivateKey,
    WEBHOOK_SECRET: "a secret of this test",
    GITHUB_API_URL: `http://127.0.0.1:${port}`,
    GITHUB_SERVER_URL: `http://127.0.0.1:${port}`,
  });
  if (config.app === null) throw new Error("the configuration has an App");
  return createGitHub({
    config: { ...config, app: config.app },
    log: silent,
    ...(onMinted === undefined ? {} : { onMinted }),
  });
}

const widgets = { id: 42, name: "widgets", owner: { login: "acme" } };
const wanted = { installationId: 1, repositoryId: 42, permissions: { issues: "write" } } as const;
const fitting = { metadata: "read", issues: "write" };

test("a token is asked for one repository with named permissions, and taken when GitHub grants just that", async () => {
  asked = [];
  grant = { repositories: [widgets], permissions: fitting };
  const opened = await client().openRepository(wanted);
  expect(opened).toMatchObject({ token: "a-token", owner: "acme", name: "widgets" });
  expect(asked).toEqual([{ repository_ids: [42], permissions: fitting }]);
  const before = revoked;
  await opened.revoke();
  expect(revoked).toBe(before + 1);
});

test.each<[what: string, grant: Record<string, unknown>]>([
  ["another repository", { repositories: [{ ...widgets, id: 43 }], permissions: fitting }],
  ["a second repository", { repositories: [widgets, { ...widgets, id: 43 }], permissions: fitting }],
  ["every repository", { permissions: fitting }],
  ["a permission more", { repositories: [widgets], permissions: { ...fitting, workflows: "write" } }],
  ["a greater permission", { repositories: [widgets], permissions: { ...fitting, metadata: "write" } }],
  ["a permission less", { repositories: [widgets], permissions: { metadata: "read" } }],
  ["a smaller permission", { repositories: [widgets], permissions: { ...fitting, issues: "read" } }],
])("a token for %s is not used", async (_what, given) => {
  grant = given;
  await expect(client().openRepository(wanted)).rejects.toThrow("another scope than asked");
});

test("a token that cannot be written down is not used", async () => {
  grant = { repositories: [widgets], permissions: fitting };
  const down = () => Promise.reject(new Error("the audit log is away"));
  await expect(client(down).openRepository(wanted)).rejects.toThrow("the audit log is away");
});
