import type { Slice } from "./slice-shape.ts";

/** The text of slice.json: a line for each operation and definition, so that a new SDK shows as a short difference. */
export function writeSlice(slice: Slice): string {
  const operations = slice.operations.map((operation) => JSON.stringify(operation)).join(",\n");
  const definitions = Object.entries(slice.definitions)
    .map(([name, shape]) => `${JSON.stringify(name)}: ${JSON.stringify(shape)}`)
    .join(",\n");
  return (
    `{"source": ${JSON.stringify(slice.source)},\n"apiVersion": ${JSON.stringify(slice.apiVersion)},\n` +
    `"operations": [\n${operations}\n],\n"definitions": {\n${definitions}\n}}\n`
  );
}
