import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Octokit } from "@octokit/rest";
import { afterEach, expect, test } from "vitest";
import { createAppDeliveries } from "../../src/github/app-deliveries.ts";

const seen: string[] = [];
const item = `{"id":93676014012180481,"guid":"g","delivered_at":"2026-11-22T10:00:00Z","redelivery":false,"event":"push","action":null}`;

const server = createServer((request, response) => {
  seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
  response.setHeader("content-type", "application/json");
  if (request.url?.includes("/attempts") === true) response.writeHead(202).end("{}");
  else if (request.url?.startsWith("/app/hook/deliveries?") !== true)
    response.end(`{"request":{"payload":{"id":7}}}`);
  else if (request.url.includes("cursor=v1_a%3D")) response.end("[]");
  else {
    response.setHeader(
      "link",
      `<http://127.0.0.1/app/hook/deliveries?per_page=100&cursor=v1_a%3D>; rel="next"`,
    );
    response.end(`[${item}]`);
  }
});

afterEach(() => server.close());

test("follows the cursor and keeps numbers exact that JavaScript would round", async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const app = new Octokit({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const deliveries = createAppDeliveries(app);
  const page = await deliveries.listDeliveries(null);
  expect(page).toMatchObject({ deliveries: [{ id: "93676014012180481", guid: "g" }], next: "v1_a=" });
  expect(await deliveries.listDeliveries(page.next)).toEqual({ deliveries: [], next: null });
  expect(await deliveries.getDelivery("93676014012180481")).toEqual({ id: 7 });
  await deliveries.redeliver("93676014012180481");
  expect(seen.slice(-2)).toEqual([
    "GET /app/hook/deliveries/93676014012180481",
    "POST /app/hook/deliveries/93676014012180481/attempts",
  ]);
});
