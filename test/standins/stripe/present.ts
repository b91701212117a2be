import { isObject, maybeText } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { invalid } from "./stripe-error.ts";
import type { World } from "./world.ts";

/** Members that Stripe leaves out unless `expand` asks for them. */
const onDemand: Readonly<Record<string, string>> = { price: "tiers", "checkout.session": "line_items" };

type Tree = { [name: string]: Tree };

/** An object as the API shows it: a copy, with ids turned into objects where `expand` asks. */
export function present(world: World, object: JsonObject, expand: readonly string[]): JsonObject {
  const tree: Tree = {};
  for (const path of expand) {
    let here = tree;
    for (const name of path.split(".")) here = here[name] ??= {};
  }
  const shown = show(world, object, tree, "");
  if (!isObject(shown)) throw new Error("Expected an object to show, got something else.");
  return shown;
}

function show(world: World, value: Json, tree: Tree, at: string): Json {
  if (Array.isArray(value)) return value.map((one) => show(world, one, tree, at));
  if (!isObject(value)) {
    if (Object.keys(tree).length > 0 && value !== null) throw unexpandable(at);
    return value;
  }
  const shown: JsonObject = {};
  for (const [name, one] of Object.entries(value)) {
    const branch = tree[name];
    if (branch === undefined && onDemand[maybeText(value, "object") ?? ""] === name) continue;
    const path = at === "" ? name : `${at}.${name}`;
    if (branch === undefined || typeof one !== "string") {
      shown[name] = show(world, one, branch ?? {}, path);
      continue;
    }
    const found = world.objects.get(one);
    if (found === undefined) throw unexpandable(path);
    shown[name] = show(world, found, branch, path);
  }
  for (const name of Object.keys(tree)) {
    // A member that is told on demand may be expanded in a list whose other objects have none.
    if (!(name in value) && onDemand[maybeText(value, "object") ?? ""] !== name)
      throw unexpandable(at === "" ? name : `${at}.${name}`);
  }
  return shown;
}

function unexpandable(path: string): Error {
  return invalid(
    `This property cannot be expanded (${path}). You may want to try expanding 'data.${path}' instead.`,
    {
      param: "expand",
    },
  );
}
