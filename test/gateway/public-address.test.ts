import { expect, test } from "vitest";
import { isAllowedHost, parseAbsoluteForm, parseAuthority } from "../../src/gateway/egress-target.ts";
import { isPublicAddress } from "../../src/gateway/public-address.ts";

test.each([
  "93.184.215.14",
  "1.1.1.1",
  "172.15.255.255",
  "172.32.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "2606:4700:4700::1111",
  "2a00:1450:4001:81b::200e",
])("%s is public", (address) => expect(isPublicAddress(address)).toBe(true));

test.each([
  ["0.0.0.0", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"],
  ["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.0.1"],
  ["198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "255.255.255.255", "168.63.129.16"],
  [
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.215.14",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
  ],
  [
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "2002:7f00:1::",
  ],
  ["", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "1.2.3.4.5"],
])("none of %s is", (...addresses) => expect(addresses.filter(isPublicAddress)).toEqual([]));

test.each([
  ["registry.npmjs.org", true],
  ["a.pypi.org", true],
  ["a.b.pypi.org", true],
  ["pypi.org", false],
  ["evilpypi.org", false],
  ["registry.npmjs.org.evil.net", false],
  ["", false],
])("the list decides on %s: %s", (host, allowed) =>
  expect(isAllowedHost(host, ["Registry.npmjs.org", "*.PyPI.org"])).toBe(allowed),
);

test("names are compared in lower case and without their last dot", () => {
  expect(parseAuthority("Registry.NPMJS.org.:443")).toEqual({ host: "registry.npmjs.org", port: 443 });
  expect(parseAbsoluteForm("http://PyPI.org:80/a?b#")).toBeNull();
  expect(parseAbsoluteForm("http://PyPI.org:80/a?b")).toEqual({ host: "pypi.org", port: 80, path: "/a?b" });
  expect(parseAbsoluteForm("http://bücher.example/")).toMatchObject({ host: "xn--bcher-kva.example" });
});
