import { field } from "./graphql-field.ts";
import type { Field, GraphqlNode } from "./graphql-field.ts";
import { GraphqlRefusal } from "./graphql-error.ts";
import { text } from "./json.ts";
import type { JsonObject } from "./json.ts";

/** A connection over items in their order; cursors name the item, so that they survive others' deletion. */
export function connection<T>(
  type: string,
  input: { items: () => readonly T[]; id: (item: T) => number; node: (item: T) => GraphqlNode },
): Field {
  return field(
    (args) => {
      const items = input.items();
      const shown = window(items, args, input.id);
      const nodes = shown.items.map(input.node);
      const cursors = shown.items.map((item) => cursorOf(input.id(item)));
      return {
        __typename: type,
        nodes,
        edges: nodes.map((node, index) => ({
          __typename: type.replace(/Connection$/, "Edge"),
          node,
          cursor: cursors[index],
        })),
        totalCount: items.length,
        pageInfo: {
          __typename: "PageInfo",
          hasNextPage: shown.to < items.length,
          hasPreviousPage: shown.from > 0,
          startCursor: cursors[0] ?? null,
          endCursor: cursors.at(-1) ?? null,
        },
      };
    },
    ["first", "last", "after", "before"],
  );
}

function window<T>(
  items: readonly T[],
  args: JsonObject,
  id: (item: T) => number,
): { items: readonly T[]; from: number; to: number } {
  const after = idOf(args["after"] === null ? undefined : text(args["after"]), "after");
  const before = idOf(args["before"] === null ? undefined : text(args["before"]), "before");
  // Ids grow with the order, so the place of one that is gone is still known.
  let from = after === undefined ? 0 : countTo(items, (item) => id(item) <= after);
  let to = before === undefined ? items.length : countTo(items, (item) => id(item) < before);
  to = Math.max(from, to);
  if (typeof args["first"] === "number") to = Math.min(to, from + args["first"]);
  else if (typeof args["last"] === "number") from = Math.max(from, to - args["last"]);
  return { items: items.slice(from, to), from, to };
}

function countTo<T>(items: readonly T[], holds: (item: T) => boolean): number {
  const end = items.findIndex((item) => !holds(item));
  return end === -1 ? items.length : end;
}

const cursorMark = "cursor:v2:";

function cursorOf(id: number): string {
  return Buffer.from(`${cursorMark}${id}`).toString("base64");
}

function idOf(cursor: string | undefined, name: string): number | undefined {
  if (cursor === undefined) return undefined;
  const plain = Buffer.from(cursor, "base64").toString();
  if (!plain.startsWith(cursorMark) || !/^\d+$/.test(plain.slice(cursorMark.length))) {
    throw new GraphqlRefusal(
      "INVALID_CURSOR_ARGUMENTS",
      `\`${cursor}\` does not appear to be a valid cursor for \`${name}\`.`,
    );
  }
  return Number(plain.slice(cursorMark.length));
}
