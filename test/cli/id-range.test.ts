import { describe, expect, test } from "vitest";
import { shortenIds, toIdRange } from "../../src/cli/id-range.ts";

describe("toIdRange", () => {
  const whole = "019ab3c4-1234-7abc-8def-0123456789ab";
  test.each([
    ["019a", "019a0000-0000-0000-0000-000000000000", "019affff-ffff-ffff-ffff-ffffffffffff"],
    ["019AB3C4-12", "019ab3c4-1200-0000-0000-000000000000", "019ab3c4-12ff-ffff-ffff-ffffffffffff"],
    ["019ab3c4-", "019ab3c4-0000-0000-0000-000000000000", "019ab3c4-ffff-ffff-ffff-ffffffffffff"],
    ["019ab3c412347abc8def0123456789ab", whole, whole],
    [whole, whole, whole],
  ])("%s", (prefix, first, last) => {
    expect(toIdRange(prefix, "task")).toEqual({ first, last });
  });

  test.each([
    "",
    "019",
    "019g",
    "019-ab3c4",
    "019ab3c4-1234-7abc-8def-0123456789ab0",
    "%",
    "-----",
    "' or 1=1",
  ])("refuses %j", (prefix) => {
    expect(() => toIdRange(prefix, "session")).toThrow(
      expect.objectContaining({ code: "session-id-invalid" }),
    );
  });
});

describe("shortenIds", () => {
  test("gives as much as tells them apart", () => {
    const far = ["019ab3c4-1234-7abc-8def-0123456789ab", "019ab3c4-1235-7abc-8def-0123456789ab"];
    expect(far.map(shortenIds(far))).toEqual(["019ab3c4-1234", "019ab3c4-1235"]);
    const near = ["019ab3c4-1234-7abc-8def-0123456789ab", "019ab3c4-1234-7abd-8def-0123456789ab"];
    expect(near.map(shortenIds(near))).toEqual(["019ab3c4-1234-7abc", "019ab3c4-1234-7abd"]);
  });

  test("is content with one id twice, and with none", () => {
    const id = "019ab3c4-1234-7abc-8def-0123456789ab";
    expect(shortenIds([id, id])(id)).toBe("019ab3c4-1234");
    expect(shortenIds([])(id)).toBe("019ab3c4-1234");
  });
});
