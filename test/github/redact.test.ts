import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRedactor } from "../../src/github/redact.ts";

/** Put together here, so that no scanner takes this file for a leak. */
const fake = (...parts: string[]) => parts.join("");
const redactPatterns = createRedactor([]);

describe("what looks like a credential", () => {
  test.each([
    fake("ghp", "_", "a1".repeat(18)),
    fake("gho", "_", "a1".repeat(18)),
    fake("ghs", "_", "a1".repeat(18)),
    fake("ghs", "_123456_", "eyJhbGciOiJSUzI1NiJ9", ".", "eyJpc3MiOiIxMjM0In0", ".", "c2lnbmF0dXJl-_x"),
    fake("github", "_pat_", "11ABCDEFG0", "a".repeat(40)),
    fake("sk-", "ant-", "api03-", "a1B2".repeat(20)),
    fake("rct", "_", "a1B2".repeat(10)),
    fake("AKIA", "IOSFODNN7EXAMPLE"),
    fake("shp", "at_", "a1B2c3D4".repeat(4)),
    fake("lin_", "api_", "a1B2".repeat(10)),
    fake("ops", "_eyJ", "a1B2".repeat(15)),
    fake("hf", "_", "aB".repeat(17)),
    fake("dckr", "_pat_", "a1B2".repeat(7)),
    fake("dtn", "_", "a1b2".repeat(16)),
    fake("xoxb", "-123456789012-", "abcdefABCDEF"),
    fake("sk", "_live_", "a1B2c3D4e5F6g7H8"),
    fake("whsec", "_", "a1B2c3D4e5F6g7H8i9J0"),
    fake("eyJhbGciOiJIUzI1NiJ9", ".", "eyJzdWIiOiIxMjM0NSJ9", ".", "abcdefghijkl"),
    fake("-----BEGIN RSA ", "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc+/=\n-----END RSA ", "PRIVATE KEY-----"),
    fake("-----BEGIN ", "PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA\\nabc"),
    fake(
      "-----BEGIN RSA ",
      "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nMIIEpAIBAAKCAQEA\n-----END RSA ",
      "PRIVATE KEY-----",
    ),
  ])("%s", (secret) => {
    expect(redactPatterns(`before ${secret} after`)).toMatch(/^before \[redacted\](?: ?after)?$/);
  });

  test("a password in an address, an AWS secret behind its name", () => {
    expect(redactPatterns("postgres://bot:hunter22@db/x")).toBe("postgres://bot:[redacted]@db/x");
    expect(redactPatterns(`AWS_SECRET_ACCESS_KEY="${"aB3/".repeat(10)}"`)).toBe(
      'AWS_SECRET_ACCESS_KEY="[redacted]"',
    );
  });

  test("ordinary words stay", () => {
    const text =
      "ghs_ is a prefix, sk-learn a library, 0123456789abcdef0123456789abcdef01234567 a commit, https://a.b:8080/c@d -----BEGIN CERTIFICATE-----";
    expect(redactPatterns(text)).toBe(text);
  });
});

const secret = fc
  .string({ unit: "grapheme-ascii", minLength: 14, maxLength: 60 })
  .filter((value) => new Set(value).size > 8);
const around = fc.string({ maxLength: 30 });

test("a secret is found in every form and between any words", () => {
  const forms: ((value: string) => string)[] = [
    (value) => value,
    (value) => Array.from(value).toReversed().join(""),
    (value) => JSON.stringify(value).slice(1, -1),
    (value) => encodeURIComponent(value),
    (value) => Buffer.from(value).toString("hex"),
    (value) => Buffer.from(value).toString("hex").toUpperCase(),
    (value) => Buffer.from(value).toString("base64url"),
    (value) => value.slice(1),
    (value) => value.slice(0, 12),
    (value) => value.slice(-12),
  ];
  fc.assert(
    fc.property(secret, around, around, fc.constantFrom(...forms), (value, before, after, form) => {
      const leak = form(value);
      const redacted = createRedactor([value])(before + leak + after);
      expect(redacted).toContain("[redacted]");
      expect(redacted).not.toContain(leak);
    }),
    { numRuns: 500 },
  );
});

test("redacted text has nothing left to redact", () => {
  fc.assert(
    fc.property(secret, around, around, (value, before, after) => {
      const redact = createRedactor([value]);
      const once = redact(before + value + after + value.slice(0, 13));
      expect(redact(once)).toBe(once);
    }),
  );
});

test("base64 at every alignment leaves nothing of twelve characters", () => {
  fc.assert(
    fc.property(secret, fc.uint8Array({ maxLength: 7 }), (value, prefix) => {
      const encoded = Buffer.concat([prefix, Buffer.from(`${value}...`)]).toString("base64");
      const left = createRedactor([value])(encoded);
      const decodable = left
        .split("[redacted]")
        .map((part) => Buffer.from(part, "base64").toString("latin1"));
      expect(left).toContain("[redacted]");
      for (const part of decodable) expect(part).not.toContain(value.slice(0, 12));
    }),
    { numRuns: 300 },
  );
});

test("invisible characters within a secret do not hide it, and elsewhere stay", () => {
  const redact = createRedactor(["correct horse battery"]);
  expect(redact("a cor\u200Brect\u200D hor\u2060se bat\u200Btery b")).toBe("a [redacted] b");
  expect(redact("a\u200Bb \0")).toBe("a\u200Bb \0");
});

test("the lines that every key file has are no secret", () => {
  const header = fake("-----BEGIN RSA ", "PRIVATE KEY-----");
  const redact = createRedactor([`${header}\n${"aB3+".repeat(16)}\n${header.replace("BEGIN", "END")}\n`]);
  expect(redact("a text about -----BEGIN RSA KEYS-----")).toBe("a text about -----BEGIN RSA KEYS-----");
  expect(redact(`x ${"aB3+".repeat(5)} y`)).toBe("x [redacted] y");
});

test("a text without any secret comes back unchanged; short secrets are ignored", () => {
  const redact = createRedactor(["correct horse battery", "short"]);
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      expect(redact(text)).toBe(text);
    }),
  );
  expect(redact("a short text")).toBe("a short text");
});

test.each([
  ["prose", "lorem ipsum dolor sit amet "],
  ["prefixes", fake("gh", "s_")],
  ["headers of keys", fake("-----BEGIN ", "PRIVATE KEY-----")],
  ["addresses", "a://b:c"],
  ["dots", "SG.eyJ.sk-"],
])("a megabyte of %s takes linear time", (_name, unit) => {
  const redact = createRedactor(["correct horse battery staple", "k".repeat(3_000)]);
  const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
  const cpu = process.cpuUsage();
  redact(text);
  const { user, system } = process.cpuUsage(cpu);
  expect((user + system) / 1_000).toBeLessThan(1_000);
});
