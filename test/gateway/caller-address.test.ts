import { expect, test } from "vitest";
import { callerAddress } from "../../src/gateway/caller-address.ts";

test.each([
  ["a direct caller is who is connected", "8.8.8.8", undefined, "8.8.8.8"],
  ["whatever it says", "8.8.8.8", "1.1.1.1", "8.8.8.8"],
  ["mapped into IPv6 too", "::ffff:8.8.8.8", "1.1.1.1", "8.8.8.8"],
  ["a proxy here names the caller", "127.0.0.1", "1.1.1.1", "1.1.1.1"],
  ["last, behind what the caller made up", "::1", "6.6.6.6, 1.1.1.1", "1.1.1.1"],
  ["or on its network", "::ffff:172.17.0.1", "1.1.1.1", "1.1.1.1"],
  ["or names nobody", "127.0.0.1", undefined, "127.0.0.1"],
  ["an empty name is none", "10.0.0.2", " ", "10.0.0.2"],
  ["a customer's IPv6 network is one caller", "2a01:4f8:c17:1234:aaaa::1", undefined, "2a01:4f8:c17:1234"],
  ["however it is written", "127.0.0.1", "2A01:4F8:c17::1", "2a01:4f8:c17:0"],
  ["a long name is cut", "127.0.0.1", "x".repeat(500), "x".repeat(64)],
])("%s", (_what, remoteAddress, forwarded, expected) => {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  expect(callerAddress({ headers, socket: { remoteAddress } })).toBe(expected);
});
