import { isObject } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { invalid } from "./stripe-error.ts";

/** Reads `a[b][0]=c` into nested objects of text; lists stay objects with the keys 0, 1, … until a shape says they are lists. */
export function readForm(form: string): JsonObject {
  const root = Object.create(null) as JsonObject;
  for (const [key, value] of new URLSearchParams(form)) {
    const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(key);
    if (match === null) throw invalid(`Invalid hash: ${key}`, { code: "parameter_invalid_string_empty" });
    const [, head = "", tail = ""] = match;
    const path = [head, ...[...tail.matchAll(/\[([^[\]]*)\]/g)].map(([, name = ""]) => name)];
    put(root, path, value);
  }
  return root;
}

function put(root: JsonObject, path: readonly string[], value: string): void {
  let here = root;
  for (const [index, name] of path.entries()) {
    const key = name === "" ? String(Object.keys(here).length) : name;
    if (index === path.length - 1) {
      if (key in here)
        throw invalid(`Received the parameter ${path.join(".")} twice`, { param: path.join(".") });
      here[key] = value;
      return;
    }
    const next: Json = (here[key] ??= Object.create(null) as JsonObject);
    if (!isObject(next)) throw invalid(`Invalid hash: ${path.join(".")}`, { param: path.join(".") });
    here = next;
  }
}
