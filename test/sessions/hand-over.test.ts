import { EventEmitter } from "node:events";
import { pino } from "pino";
import { expect, test } from "vitest";
import { openHandOver, type SteeringMessage } from "../../src/sessions/hand-over.ts";
import { untilTrue } from "../support/until-true.ts";

/** A turn whose machine is a map of files. */
function stage(options: { failFirst?: number; handed?: (ids: readonly string[]) => Promise<void> } = {}) {
  const files = new Map<string, string>();
  const messages: SteeringMessage[] = [];
  const news = new EventEmitter();
  let left = options.failFirst ?? 0;
  const handOver = openHandOver(
    { log: pino({ level: "silent" }) },
    {
      directory: "/workspace/steering",
      sandbox: {
        writeFile(path, data) {
          if (left-- > 0) return Promise.reject(new Error("the machine does not answer"));
          if (files.has(path)) throw new Error(`expected to write ${path} once`);
          files.set(path, String(data));
          return Promise.resolve();
        },
      },
      steering: {
        inPrompt: ["told"],
        pending: () => Promise.resolve([{ id: "told", text: "was in the prompt" }, ...messages]),
        onNews(listener) {
          news.on("news", listener);
          return () => news.off("news", listener);
        },
        handed: options.handed ?? (() => Promise.resolve()),
      },
    },
  );
  return {
    files,
    messages,
    news,
    handOver,
    say: (...more: SteeringMessage[]) => {
      messages.push(...more);
      news.emit("news");
    },
  };
}

test("each message is put beside the checkout once, as JSON's text", async () => {
  const { files, say, news, handOver } = stage();
  say({ id: "a", text: 'say "hi"\n' }, { id: "b", text: "ü" });
  news.emit("news");
  await untilTrue(() => files.size === 2, 5_000);
  expect(files.get("/workspace/steering/a.message")).toBe(String.raw`say \"hi\"\n\n\n`);
  expect(files.get("/workspace/steering/b.message")).toBe(String.raw`ü\n\n`);
  await handOver.end();
  expect(news.listenerCount("news")).toBe(0);
});

test("a long one is a file, and the message names it", async () => {
  const { files, say, handOver } = stage();
  say({ id: "a", text: "x".repeat(60_000) });
  await untilTrue(() => files.size === 2, 5_000);
  expect(files.get("/workspace/steering/a.md")).toHaveLength(60_000);
  expect(files.get("/workspace/steering/a.message")).toContain("/workspace/steering/a.md");
  await handOver.end();
});

test("a machine that did not answer is tried again with the next news", async () => {
  const { files, say, news, handOver } = stage({ failFirst: 1 });
  say({ id: "a", text: "hello" });
  await untilTrue(() => {
    news.emit("news");
    return files.size === 1;
  }, 5_000);
  await handOver.end();
});

test("that something was handed and could not be written down fails the turn", async () => {
  const { handOver } = stage({ handed: () => Promise.reject(new Error("the claim is lost")) });
  handOver.line(JSON.stringify({ type: "assistant", message: { id: "m", model: "m" } }));
  await expect(handOver.end()).rejects.toThrow("the claim is lost");
});
