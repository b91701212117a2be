import { TransientError, UserError } from "../errors.ts";
import { SandboxError } from "./sandbox.ts";

/** `retryAt`: until when the provider is left alone. */
export type ProviderFailure = { provider: string; error: Error; retryAt: Date | null };

/** A provider that failed and is not left alone is worth another try this soon. */
const soonMs = 5_000;

/** What `create` says when no provider made a machine: every reason, and whether waiting helps. */
export function noSandbox(failures: readonly ProviderFailure[], now: Date): Error {
  const message = `No sandbox could be opened. ${sayEach(failures)}`;
  const cause = failures.length === 1 ? failures[0]?.error : new AggregateError(errorsOf(failures), message);
  if (failures.every(({ error }) => needsOperator(error)))
    return new UserError("no-sandbox", message, remedyOf(failures), { cause });
  const passing = failures.filter(({ error }) => maySoonPass(error));
  // Neither a matter of the operator nor of time: a mistake of ours, which must not look like either.
  if (passing.length === 0) return new Error(message, { cause });
  const waits = passing.map(({ retryAt }) =>
    retryAt === null ? soonMs : Math.max(1_000, retryAt.getTime() - now.getTime()),
  );
  return new TransientError(message, { cause, retryAfterMs: Math.min(...waits) });
}

/** What the boot says when no provider works: its own error where there is one only. */
export function noProvider(failures: readonly ProviderFailure[]): Error {
  const [only, ...others] = failures;
  if (only !== undefined && others.length === 0) return only.error;
  return new UserError(
    "no-sandbox-provider",
    `No sandbox provider works. ${sayEach(failures)}`,
    remedyOf(failures),
    { cause: new AggregateError(errorsOf(failures)) },
  );
}

const errorsOf = (failures: readonly ProviderFailure[]) => failures.map(({ error }) => error);

const sayEach = (failures: readonly ProviderFailure[]): string =>
  failures.map(({ provider, error }) => `${provider}: ${error.message.replace(/\.$/, "")}.`).join(" ");

function remedyOf(failures: readonly ProviderFailure[]): string {
  const own = failures.flatMap(({ error }) => (error instanceof UserError ? [error.remedy] : []));
  return own.length > 0
    ? own.join(" ")
    : "The operator corrects the keys and templates of the sandbox providers; remote-claude doctor checks each.";
}

function needsOperator(error: Error): boolean {
  if (error instanceof SandboxError) return error.fault === "auth" || error.fault === "refused";
  return error instanceof UserError;
}

const maySoonPass = (error: Error): boolean =>
  error instanceof TransientError || (error instanceof SandboxError && !needsOperator(error));
