import { expect, test } from "vitest";
import { TransientError } from "../../src/errors.ts";
import { within } from "../../src/sessions/within.ts";

test("gives what comes in time, and the error too", async () => {
  expect(await within(60_000, Promise.resolve(1))).toBe(1);
  const error = new Error("no");
  await expect(within(60_000, Promise.reject(error))).rejects.toBe(error);
});

test("waits no longer than the limit, and takes a late error", async () => {
  const late = Promise.withResolvers<never>();
  await expect(within(5, late.promise)).rejects.toBeInstanceOf(TransientError);
  late.reject(new Error("nobody listens any more"));
  await expect(late.promise).rejects.toThrow("nobody listens");
});
