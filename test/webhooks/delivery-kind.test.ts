import { expect, test } from "vitest";
import { readRequest } from "../../src/webhooks/business-key.ts";
import { deriveKind, headerFits, knownKinds } from "../../src/webhooks/delivery-kind.ts";
import { recordings } from "./sample-bodies.ts";

const all = recordings.flatMap(({ name, examples }) => examples.map((body) => ({ name, body })));

test.each(recordings)("a recorded $name is known for what it is, or let be", ({ name, examples }) => {
  const known = knownKinds.some((kind) => kind === name);
  for (const body of examples) {
    expect(deriveKind(body)).toBe(known ? name : null);
    expect(headerFits(name, deriveKind(body))).toBe(true);
  }
});

test("no recorded body passes under the name of another event that we know", () => {
  for (const { name, body } of all) {
    const kind = deriveKind(body);
    for (const other of knownKinds) expect(headerFits(other, kind)).toBe(other === name);
    if (kind !== null) expect(headerFits("made_up_event", kind)).toBe(false);
  }
});

test("every recorded body can be read for what it asks", () => {
  for (const { body } of all) {
    expect(() => readRequest(deriveKind(body), body)).not.toThrow();
  }
});
