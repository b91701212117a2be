import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Shape, Slice, SliceOperation } from "./slice-shape.ts";

let kept: Slice | undefined;

/** The slice that lies beside this file. */
export function readSlice(): Slice {
  kept ??= JSON.parse(readFileSync(join(import.meta.dirname, "slice.json"), "utf8")) as Slice;
  return kept;
}

/** Follows references until a shape of its own comes. */
export function resolveShape(shape: Shape): Exclude<Shape, { ref: string }> {
  let here = shape;
  while (typeof here === "object" && "ref" in here) {
    const next: Shape | undefined = readSlice().definitions[here.ref];
    if (next === undefined) throw new Error(`Expected the definition ${here.ref} in slice.json, found none.`);
    here = next;
  }
  return here;
}

export type Route = { operation: SliceOperation; ids: string[] };

/** The operation of a request line; literal paths win over ones with an id. */
export function findRoute(method: string, path: string): Route | undefined {
  const found = readSlice()
    .operations.filter((one) => one.method === method)
    .flatMap((operation) => {
      const match = patternOf(operation.path).exec(path);
      return match === null ? [] : [{ operation, ids: match.slice(1).map(decodeURIComponent) }];
    });
  return found.toSorted((a, b) => a.ids.length - b.ids.length)[0];
}

const patterns = new Map<string, RegExp>();

function patternOf(path: string): RegExp {
  const known = patterns.get(path);
  if (known !== undefined) return known;
  const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, "([^/]+)")}$`);
  patterns.set(path, pattern);
  return pattern;
}
