import { SandboxError, type Sandbox } from "../sandbox/sandbox.ts";

/** A file inside that says which commit the checkout stands on; written when it is complete. What the agent makes of it concerns its own session only. */
export const checkoutNote = ({ paths }: Pick<Sandbox, "paths">) => `${paths.home}/.remote-claude-checkout`;

/** The commit; null when there is none, or what stands there is none. */
export async function readCheckoutNote(sandbox: Sandbox): Promise<string | null> {
  const note = await sandbox.readFile(checkoutNote(sandbox), { maxBytes: 64 }).catch((error: unknown) => {
    // Something else stands there, made by the agent: as good as none.
    if (error instanceof SandboxError && error.fault === "refused") return null;
    throw error;
  });
  const sha = note === null ? "" : Buffer.from(note).toString("utf8");
  return /^[0-9a-f]{40}$/.test(sha) ? sha : null;
}
