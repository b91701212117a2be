import { afterAll, beforeAll, expect, test } from "vitest";
import { delivery } from "../../db/schema.ts";
import { packPayload } from "../../src/webhooks/intake-store.ts";
import { receiveDelivery } from "../../src/webhooks/receive.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let home: TestDatabase;
beforeAll(async () => {
  home = await createTestDatabase();
});
afterAll(() => home.close());

async function keep(id: string, status: "queued" | "done"): Promise<void> {
  const payload = await packPayload(Buffer.from(JSON.stringify({ action: "created" })));
  await home.database.system
    .insert(delivery)
    .values({ id, event: "ping", payload, source: "webhook", status });
}

/** A listener that counts what is handed over. */
function listener() {
  const seen: string[] = [];
  const receive = (event: { id: string }) => {
    seen.push(event.id);
    return Promise.resolve();
  };
  return { seen, deps: { system: home.database.system, probot: { receive } } };
}

test("a delivery is handed over once, however often its job runs", async () => {
  await keep("first", "queued");
  const { seen, deps } = listener();
  await receiveDelivery(deps, "first");
  await receiveDelivery(deps, "first");
  expect(seen).toEqual(["first"]);
});

test("one that is done, or that nobody stored, is handed to nobody", async () => {
  await keep("finished", "done");
  const { seen, deps } = listener();
  await receiveDelivery(deps, "finished");
  await receiveDelivery(deps, "never-stored");
  expect(seen).toEqual([]);
});
