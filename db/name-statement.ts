import type { PoolClient } from "pg";

/** More than the program has texts; one that holds a list of any length has many, and they must not fill the server's memory. */
export const maxStatements = 256;

const statementsOf = new WeakMap<PoolClient, Map<string, string>>();

/**
 * The name under which a connection keeps the plan of a statement, so that the server reads and plans it once a connection; null
 * when it keeps enough of them.
 */
export function nameStatement(client: PoolClient, text: string): string | null {
  const known = statementsOf.get(client) ?? new Map<string, string>();
  statementsOf.set(client, known);
  if (!known.has(text) && known.size < maxStatements) known.set(text, `s${known.size}`);
  return known.get(text) ?? null;
}
