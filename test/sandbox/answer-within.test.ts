import { expect, test } from "vitest";
import { answerWithin } from "../../src/sandbox/answer-within.ts";

test("an answer in time is handed on, a failure too", async () => {
  expect(await answerWithin(60_000, "asking", Promise.resolve(7))).toBe(7);
  await expect(answerWithin(60_000, "asking", Promise.reject(new Error("no")))).rejects.toThrow("no");
});

test("no answer is a transient fault that says what was asked", async () => {
  const { promise } = Promise.withResolvers<never>();
  await expect(answerWithin(20, "asking", promise)).rejects.toMatchObject({
    fault: "transient",
    message: "asking: expected an answer within 20 ms, got none",
  });
});
