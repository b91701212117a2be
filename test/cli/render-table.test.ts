import { describe, expect, test } from "vitest";
import { clipToWidth, displayWidth } from "../../src/cli/display-width.ts";
import { renderTable } from "../../src/cli/render-table.ts";

describe("displayWidth", () => {
  test.each([
    ["abc", 3],
    ["日本", 4],
    ["👩‍💻", 2],
    ["e\u0301", 1],
    ["❤️", 2],
    ["", 0],
  ])("%j takes %i cells", (text, cells) => {
    expect(displayWidth(text)).toBe(cells);
  });
});

describe("clipToWidth", () => {
  test.each([
    ["abcdef", 6, "abcdef"],
    ["abcdef", 5, "abcd…"],
    ["日本語", 5, "日本…"],
    ["a b c", 4, "a b…"],
  ])("cuts %j to %i cells", (text, max, clipped) => {
    expect(clipToWidth(text, max)).toBe(clipped);
  });
});

describe("renderTable", () => {
  const heading = ["ID", "WHAT"];
  test("aligns columns by what the terminal draws, and neutralises what stands in them", () => {
    const rows = [
      ["日本", "one"],
      ["a", "\u001b[2Jtwo\nlines"],
    ];
    expect(renderTable({ heading, rows, columns: null })).toBe(
      "ID    WHAT\n日本  one\na     ␛[2Jtwo ⏎ lines\n",
    );
  });

  test("cuts the last column to the terminal, but not to nothing", () => {
    const rows = [["1", "a rather long instruction"]];
    expect(renderTable({ heading, rows, columns: 20 })).toBe("ID  WHAT\n1   a rather long i…\n");
    expect(renderTable({ heading, rows, columns: 1 })).toBe("ID  WHAT\n1   a rather lo…\n");
  });
});
