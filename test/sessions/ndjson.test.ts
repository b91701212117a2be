import fc from "fast-check";
import { expect, test } from "vitest";
import { createLineSplitter } from "../../src/sessions/ndjson.ts";

function split(
  chunks: readonly Uint8Array[],
  maxLineBytes?: number,
): { lines: string[]; oversized: number[] } {
  const lines: string[] = [];
  const oversized: number[] = [];
  const splitter = createLineSplitter({
    onLine: (line) => lines.push(line),
    onOversized: (bytes) => oversized.push(bytes),
    ...(maxLineBytes === undefined ? {} : { maxLineBytes }),
  });
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return { lines, oversized };
}

const bytes = (text: string) => new TextEncoder().encode(text);

test("lines come out however the stream is cut", () => {
  const text = fc.array(
    fc.string({ unit: "grapheme", maxLength: 30 }).map((line) => line.replaceAll(/[\r\n]/g, "")),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(
      text,
      fc.array(fc.nat(200), { maxLength: 30 }),
      fc.constantFrom("\n", "\r\n"),
      (lines, cuts, ending) => {
        const stream = bytes(lines.map((line) => line + ending).join(""));
        const edges = [
          0,
          ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b),
          stream.length,
        ];
        const chunks = edges.slice(1).map((edge, index) => stream.subarray(edges[index], edge));
        expect(split(chunks).lines).toEqual(
          lines
            .filter((line) => line !== "")
            .map((line) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes(line))),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("a chunk that its owner uses again does no harm", () => {
  const lines: string[] = [];
  const splitter = createLineSplitter({ onLine: (line) => lines.push(line) });
  const chunk = bytes("first");
  splitter.push(chunk);
  chunk.fill(0);
  splitter.push(bytes(" line\n"));
  expect(lines).toEqual(["first line"]);
});

test("a last line without its newline, and bytes that are no text", () => {
  expect(split([bytes("a\n\n\nb")]).lines).toEqual(["a", "b"]);
  expect(split([Uint8Array.of(0xff, 0xfe, 0x0a)]).lines).toEqual(["\uFFFD\uFFFD"]);
});

test("a line that is too long is left out and reported, the next one is whole", () => {
  const chunks = [bytes("12345"), bytes("678901\nshort\n"), bytes("1234567890\n")];
  expect(split(chunks, 10)).toEqual({ lines: ["short", "1234567890"], oversized: [11] });
});

test("ten megabytes in one line, in small chunks, take linear time", () => {
  const chunk = bytes("x".repeat(1_000));
  const chunks = [...Array.from({ length: 10_000 }, () => chunk), bytes("\n")];
  const since = performance.now();
  expect(split(chunks).lines.map((line) => line.length)).toEqual([10_000_000]);
  expect(performance.now() - since).toBeLessThan(2_000);
});
