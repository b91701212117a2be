import { isConnectionError } from "../../db/client.ts";
import { UserError, toError } from "../errors.ts";

/** Undefined table, schema, column; unknown role, which PostgreSQL reports as an invalid parameter value. */
const notMigrated = new Set(["42P01", "3F000", "42703", "22023", "42704"]);
const refused = /^(28...|3D000)$/;

/** A failed query in words, where an operator can mend it; any other error as it was. */
export function explainDatabaseError(thrown: unknown): Error {
  const error = toError(thrown);
  if (error instanceof UserError) return error;
  const cause = deepest(error);
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  if (isConnectionError(error)) {
    return new UserError(
      "database-unreachable",
      `Expected PostgreSQL at DATABASE_URL, got no connection: ${cause.message || code}.`,
      "Start it, or correct DATABASE_URL.",
      { cause: error },
    );
  }
  if (refused.test(code)) {
    return new UserError(
      "database-refused",
      `PostgreSQL refused the connection: ${cause.message}.`,
      "Correct the user, password and database name in DATABASE_URL.",
      { cause: error },
    );
  }
  if (notMigrated.has(code)) {
    return new UserError(
      "database-not-migrated",
      `The database lacks what this release expects: ${cause.message}.`,
      "Run remote-claude migrate up.",
      { cause: error },
    );
  }
  return error;
}

function deepest(error: Error): Error {
  let found = error;
  while (found.cause instanceof Error) found = found.cause;
  // Several addresses of one host were tried; the first tells enough.
  const [first] = found instanceof AggregateError ? (found.errors as unknown[]) : [];
  return first instanceof Error ? first : found;
}
