/** Makes slice.json anew from the installed `stripe`: `node test/standins/stripe/slice.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeSlice } from "./make-slice.ts";
import { writeSlice } from "./write-slice.ts";

const slice = makeSlice();
const target = join(import.meta.dirname, "slice.json");
writeFileSync(target, writeSlice(slice));
process.stdout.write(
  `slice.json: ${slice.operations.length} operations, ${Object.keys(slice.definitions).length} definitions\n`,
);
