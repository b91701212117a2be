import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { UserError } from "../errors.ts";

/** All that its processes are told: the bot's own variables hold secrets, which PostgreSQL has no need of. */
export const postgresEnvironment = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" } as const;

/**
 * Wraps a command so that PostgreSQL, which refuses to run as root, sees an ordinary user: a user namespace whose one
 * user is root outside. No user is made on the host, and the files stay root's. Not as root: the command as it is.
 * Throws a UserError where the kernel or a container forbids user namespaces.
 */
export async function asUnprivileged(): Promise<(command: readonly string[]) => [string, ...string[]]> {
  const inNamespace = ["--user", "--map-user=1000", "--map-group=1000", "--"] as const;
  if (process.getuid?.() !== 0) return ([program = "", ...rest]) => [program, ...rest];
  try {
    await promisify(execFile)("unshare", [...inNamespace, "true"], { env: postgresEnvironment });
  } catch (cause) {
    throw new UserError(
      "embedded-postgres-as-root",
      "The embedded PostgreSQL cannot run as root here: user namespaces are not available (unshare --user failed).",
      "Start the bot as a normal user, or set DATABASE_URL.",
      { cause },
    );
  }
  return (command) => ["unshare", ...inNamespace, ...command];
}
