import { expect, test } from "vitest";
import { createTokenTries } from "../../src/gateway/token-tries.ts";

function setUp() {
  let now = 1_700_000_000_000;
  const tries = createTokenTries({ clock: { now: () => new Date(now) } });
  const attempt = (address: string, token: string | null = "guess") => ({ address, token });
  return {
    tries,
    attempt,
    later: (seconds: number) => void (now += seconds * 1_000),
    /** How many bad tokens an address can try in a row, 1,000 at most. */
    tryOut: (address: string) => {
      for (let count = 0; count < 1_000; count += 1) {
        if (!tries.allows(attempt(address))) return count;
        tries.record(attempt(address), "bad");
      }
      return 1_000;
    },
  };
}

test("thirty bad tokens, then one each second", () => {
  const { tryOut, later } = setUp();
  expect(tryOut("a")).toBe(30);
  expect(tryOut("a")).toBe(0);
  later(5);
  expect(tryOut("a")).toBe(5);
  later(3_600);
  expect(tryOut("a")).toBe(30);
});

test("many that were under way at once cost a minute and a half at most", () => {
  const { tries, attempt, tryOut, later } = setUp();
  for (let count = 0; count < 5_000; count += 1) tries.record(attempt("a"), "bad");
  later(60);
  expect(tryOut("a")).toBe(0);
  later(5);
  expect(tryOut("a")).toBe(5);
});

test("good tokens take no tries, and are known until they are bad", () => {
  const { tries, attempt, tryOut } = setUp();
  for (let count = 0; count < 100; count += 1) tries.record(attempt("a", `good ${count}`), "good");
  expect(tryOut("a")).toBe(30);
  expect(tries.allows(attempt("a", "good 1"))).toBe(true);
  tries.record(attempt("a", "good 1"), "bad");
  expect(tries.allows(attempt("a", "good 1"))).toBe(false);
  expect(tries.allows(attempt("a", null))).toBe(false);
});

test("no more than some thousand good tokens are remembered, the latest", () => {
  const { tries, attempt, tryOut } = setUp();
  for (let count = 0; count < 5_000; count += 1) tries.record(attempt("a", `good ${count}`), "good");
  tryOut("a");
  expect(tries.allows(attempt("a", "good 4999"))).toBe(true);
  expect(tries.allows(attempt("a", "good 0"))).toBe(false);
});

test("one address does not spend the tries of others, however many come", () => {
  const { tryOut } = setUp();
  for (let count = 0; count < 50; count += 1) tryOut(`attacker ${count}`);
  const untouched = Array.from({ length: 200 }, (_, index) => tryOut(`other ${index}`));
  // A few share a bucket by chance.
  expect(untouched.filter((count) => count === 30).length).toBeGreaterThan(170);
});
