import { UserError } from "../errors.ts";
import { SandboxError, type Sandbox } from "../sandbox/sandbox.ts";
import { checkpointTooLarge } from "./checkpoint-too-large.ts";

/**
 * Why the work cannot be taken out of a machine that answers: told by a look into it. A machine whose work cannot be had any
 * more is ended, so that the next turn begins with the last checkpoint; any other fault is given back as it came.
 */
export async function explainBundleFault(
  sandbox: Sandbox,
  thrown: unknown,
  limits: { maxBytes: number },
): Promise<unknown> {
  if (!(thrown instanceof SandboxError)) return thrown;
  if (thrown.fault === "refused") {
    if (await says(sandbox, ["test", "-d", sandbox.paths.repo]))
      return checkpointTooLarge({ ...limits, cause: thrown });
    await sandbox.kill();
    return checkoutGone(thrown);
  }
  if (thrown.fault !== "transient") return thrown;
  if (await says(sandbox, ["/bin/sh", "-c", writeSome, "room", sandbox.paths.tmp])) return thrown;
  await sandbox.kill();
  return noRoom(thrown);
}

/** Constant; the folder comes as an argument. */
const writeSome = `
mkdir "$1/out-room" || exit 1
head -c 1048576 /dev/zero >"$1/out-room/some"
said=$?
rm -rf "$1/out-room"
exit $said
`;

async function says(sandbox: Sandbox, argv: readonly [string, ...string[]]): Promise<boolean> {
  return (await sandbox.exec({ argv, timeoutMs: 30_000 })).exitCode === 0;
}

function checkoutGone(cause: Error): UserError {
  return new UserError(
    "checkout-gone",
    "Claude removed the repository's folder in its sandbox, so there is nothing left that could be pushed.",
    "Write the command again, and say what must stay; it starts from the last checkpoint.",
    { cause },
  );
}

function noRoom(cause: Error): UserError {
  return new UserError(
    "sandbox-full",
    "Nothing more can be written in the sandbox, most likely because its disk is full, so what Claude did could not be kept.",
    "Write the command again and ask for fewer or smaller files; it starts from the last checkpoint in a new sandbox. The operator can give sandboxes a larger disk.",
    { cause },
  );
}
