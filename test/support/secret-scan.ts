import type { Canary } from "./canaries.ts";
import { secretForms } from "./secret-forms.ts";
import { unpackAll } from "./unpack-all.ts";

/** Something that was looked at: where it was, and what it held. */
export type Finding = { place: string; bytes: Buffer };
export type Hit = { place: string; name: string; kind: Canary["kind"]; around: string };

/** Any piece of a form this long is the secret. */
const window = 16;
const bits = 22;

/** Every place in which a piece of a canary is found, in any form and also within what is compressed; one hit per place and canary. */
export function scanForSecrets(canaries: readonly Canary[], findings: readonly Finding[]): Hit[] {
  const find = openFinder(canaries);
  return findings.flatMap(({ place, bytes }) => {
    const hits = new Map<string, Hit>();
    for (const part of unpackAll(bytes)) {
      for (const { canary, at } of find(part)) {
        if (hits.has(canary.name)) continue;
        const around = part.toString("latin1", Math.max(0, at - 60), at);
        hits.set(canary.name, { place, name: canary.name, kind: canary.kind, around });
      }
    }
    return [...hits.values()];
  });
}

function openFinder(canaries: readonly Canary[]) {
  const windows = new Map<string, Canary>();
  const seen = new Uint8Array(2 ** bits);
  for (const canary of canaries) {
    if (canary.value.length < window)
      throw new Error(`expected ${canary.name} to be ${window} long at least`);
    for (const form of secretForms(canary.value)) {
      for (let at = 0; at + window <= form.length; at++) windows.set(form.slice(at, at + window), canary);
    }
  }
  for (const text of windows.keys()) seen[keyOf(Buffer.from(text, "latin1"), 0)] = 1;
  return function* (bytes: Buffer): Generator<{ canary: Canary; at: number }> {
    for (let at = 0; at + window <= bytes.length; at++) {
      if (seen[keyOf(bytes, at)] !== 1) continue;
      const canary = windows.get(bytes.toString("latin1", at, at + window));
      if (canary !== undefined) yield { canary, at };
    }
  };
}

/** Bytes 0, 3, 7, 11 and 15 of a window, mixed. */
function keyOf(bytes: Buffer, at: number): number {
  const first = (bytes[at] ?? 0) * 0x9e3779b1 + (bytes[at + 3] ?? 0) * 0x85ebca6b;
  const second = (bytes[at + 7] ?? 0) * 0xc2b2ae35 + (bytes[at + 11] ?? 0) * 0x27d4eb2f;
  return ((first + second + (bytes[at + 15] ?? 0) * 0x165667b1) >>> 0) >>> (32 - bits);
}
