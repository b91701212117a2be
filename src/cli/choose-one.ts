import { UserError } from "../errors.ts";

/** The one that was meant; a UserError when the digits fit none or several. */
export function chooseOne<T extends { id: string }>(
  found: readonly T[],
  input: { what: "task" | "session"; prefix: string; describe: (item: T) => string },
): T {
  const { what, prefix, describe } = input;
  const [only, ...others] = found;
  if (only === undefined) {
    throw new UserError(
      `${what}-unknown`,
      `There is no ${what} whose id begins with ${prefix}.`,
      `remote-claude ${what === "task" ? "tasks" : "session list --all"} shows them.`,
    );
  }
  if (others.length === 0) return only;
  const lines = found.map((item) => `  ${item.id}  ${describe(item)}`);
  throw new UserError(
    `${what}-ambiguous`,
    `Several ${what}s have ids that begin with ${prefix}:\n${lines.join("\n")}`,
    "Give more digits of the one that you mean.",
  );
}
