import fc from "fast-check";
import { expect, test } from "vitest";
import { createRedactor } from "../../src/github/redact.ts";
import { readAgentLine } from "../../src/sessions/agent-events.ts";
import { createLineSplitter } from "../../src/sessions/ndjson.ts";
import { redactStrings } from "../../src/sessions/redact-strings.ts";

const secret = "correct-hörse-battery-staple";
const redact = createRedactor([secret]);

/** The agent's stream as it is followed: lines, events, redaction. */
function follow(chunks: readonly Uint8Array[]): string[] {
  const seen: string[] = [];
  const splitter = createLineSplitter({
    onLine: (line) =>
      seen.push(...readAgentLine(line).map((event) => JSON.stringify(redactStrings(event, redact)))),
    onOversized: (bytes) => seen.push(`oversized ${bytes}`),
  });
  chunks.forEach(splitter.push);
  splitter.end();
  return seen;
}

const forms = [
  secret,
  Buffer.from(`x${secret}`).toString("base64"),
  Buffer.from(secret).toString("hex"),
  encodeURIComponent(secret),
];
const stream = Buffer.from(
  forms
    .map((text) =>
      JSON.stringify({ type: "assistant", message: { content: [{ type: "text", text: `a ${text} b` }] } }),
    )
    .concat(`not JSON: ${secret}`, "")
    .join("\n"),
);

test("however the agent's stream is cut into pieces, in the middle of a secret or a letter, the same is redacted", () => {
  const whole = follow([stream]);
  expect(whole).toHaveLength(5);
  for (const event of whole) expect(event).toContain("[redacted]");
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 30 }), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const chunks = at.slice(1).map((end, index) => stream.subarray(at[index], end));
      expect(follow(chunks)).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});
