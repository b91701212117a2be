import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { readBody } from "../../src/webhooks/read-body.ts";

const send = (held: { bytes: number; maxBytes: number }) => {
  const request = new IncomingMessage(new Socket());
  const read = readBody(request, { maxBytes: 10, held });
  return {
    read,
    push: async (text: string | null) => {
      const taken = text === null ? null : new Promise((resolve) => request.once("data", resolve));
      request.push(text === null ? null : Buffer.from(text));
      await taken;
    },
  };
};

test("a body that grows beyond its limit is refused, and what it held is free again", async () => {
  const held = { bytes: 0, maxBytes: 1_000 };
  const one = send(held);
  await one.push("x".repeat(10));
  expect(held.bytes).toBe(10);
  await one.push("x");
  expect(await one.read).toEqual({ ok: false, reason: "too-large" });
  expect(held.bytes).toBe(0);
});

test("bodies that are small each are refused together, and the next one has room when one of them is through", async () => {
  const held = { bytes: 0, maxBytes: 15 };
  const [first, second] = [send(held), send(held)];
  await first.push("12345678");
  await second.push("12345678");
  expect(await second.read).toEqual({ ok: false, reason: "too-many" });
  expect(held.bytes).toBe(8);
  await first.push(null);
  expect(await first.read).toEqual({ ok: true, body: Buffer.from("12345678") });
  expect(held.bytes).toBe(0);
  const third = send(held);
  await third.push("123456789");
  await third.push(null);
  expect(await third.read).toMatchObject({ ok: true });
});

test("a sender that goes away holds nothing any more", async () => {
  const held = { bytes: 0, maxBytes: 15 };
  const request = new IncomingMessage(new Socket());
  const read = readBody(request, { maxBytes: 10, held });
  request.destroy();
  expect(await read).toEqual({ ok: false, reason: "aborted" });
  expect(held.bytes).toBe(0);
});
