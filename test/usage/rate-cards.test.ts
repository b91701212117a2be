import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { machineSize } from "../../sandbox/template/template.ts";
import { machineSizeOf } from "../../src/usage/machine-size.ts";
import { priceMachine } from "../../src/usage/price-machine.ts";
import { findRateCard, rateCards, type RateCard } from "../../src/usage/rate-cards.ts";
import { requirePriced } from "../../src/usage/require-priced.ts";

const [first] = rateCards;

/** A published card never changes. Who has to change a price adds a card with a later date, and its line here. */
const published: Record<string, string> = {
  "2026-11": "06977878dbc29ddf",
};

test("a published rate card is what it was when it was published", () => {
  const hashes = Object.fromEntries(rateCards.map((card) => [card.version, hashOf(card)]));
  expect(hashes).toEqual(published);
});

test("cards follow each other, each under a name of its own", () => {
  expect(new Set(rateCards.map(({ version }) => version)).size).toBe(rateCards.length);
  const days = rateCards.map(({ from }) => from.getTime());
  expect(days).toEqual(days.toSorted((a, b) => a - b));
});

test("the card of a moment is the newest that had begun by then", () => {
  const later: RateCard = { ...first, version: "2027-01", from: new Date("2027-01-01T00:00:00Z") };
  const at = (day: string) => findRateCard(new Date(day), [first, later]).version;
  expect(
    ["2020-01-01T00:00:00Z", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z", "2030-01-01"].map(at),
  ).toEqual(["2026-11", "2026-11", "2027-01", "2027-01"]);
});

test.each([
  // E2B's own sums: 4 processors and 8 GiB for an hour are $0.331.
  [{ provider: "e2b", vcpus: 4, memoryMib: 8_192, durationMs: 3_600_000 }, 331_200],
  [{ provider: "e2b", vcpus: 2, memoryMib: 2_048, durationMs: 30_000 }, 1_110],
  [{ provider: "daytona", vcpus: 1, memoryMib: 1_024, durationMs: 1_000 }, 19],
  [{ provider: "e2b", vcpus: 0, memoryMib: 1_024, durationMs: 111 }, 0],
  [{ provider: "e2b", vcpus: 0, memoryMib: 1_024, durationMs: 112 }, 1],
  [{ provider: "local", vcpus: 64, memoryMib: 1 << 20, durationMs: 86_400_000 }, 0],
])("%j costs %i micro-USD", (time, expected) => expect(priceMachine(first, time)).toBe(expected));

test.each([
  [{ vcpus: 0.5 }, "whole number"],
  [{ durationMs: -1 }, "whole number"],
  [{ memoryMib: Number.NaN }, "whole number"],
  [{ provider: "elsewhere" }, "got elsewhere"],
  [{ provider: "__proto__" }, "got __proto__"],
])("%j is refused", (wrong, message) => {
  const time = { provider: "e2b", vcpus: 2, memoryMib: 2_048, durationMs: 1, ...wrong };
  expect(() => priceMachine(first, time)).toThrow(message);
});

test("a machine is metered as large as its template makes it", () => {
  expect(machineSizeOf("e2b")).toEqual({ vcpus: machineSize.cpuCount, memoryMib: machineSize.memoryMB });
  expect(machineSizeOf("local")).toEqual({ vcpus: 0, memoryMib: 0 });
});

test.each([
  "claude-sonnet-4-5",
  "claude-sonnet-4-5-20250929",
  "claude-opus-4-6[1m]",
  "opus",
  "Sonnet[1m]",
  "haiku",
])("a task may begin with %s", (model) =>
  expect(() => requirePriced(model, { isServers: false })).not.toThrow(),
);

test.each(["gpt-7", "claude-sonnet-99", "", "__proto__", "a`b\n@everyone"])(
  "no task begins with %j",
  (model) => {
    expect(() => requirePriced(model, { isServers: false })).toThrow(
      expect.objectContaining({
        code: "model-unpriced",
        remedy: expect.stringContaining("--model") as string,
      }),
    );
    expect(() => requirePriced(model, { isServers: true })).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining("CLAUDE_MODEL") as string }),
    );
    expect(() => requirePriced(model, { isServers: true })).toThrow(/^[^\n`]*`[^`\n]*`[^`\n]*$/);
  },
);

function hashOf(card: RateCard): string {
  const plain = { ...card, models: [...card.models], machines: [...card.machines] };
  return createHash("sha256").update(JSON.stringify(plain)).digest("hex").slice(0, 16);
}
