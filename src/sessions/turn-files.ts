import type { Sandbox } from "../sandbox/sandbox.ts";

/** The files of a turn that stand beside the checkout, out of the way of the agent's changes. */
export const turnFiles = ({ paths }: Pick<Sandbox, "paths">) => ({
  prompt: `${paths.workspace}/prompt.md`,
  result: `${paths.workspace}/result.md`,
  /** A folder: what people say to the turn while it runs. */
  steering: `${paths.workspace}/steering`,
  /** A folder. */
  attachments: `${paths.workspace}/attachments`,
});

/** What the next turn must not find of the last one. */
export function turnLeftovers(sandbox: Pick<Sandbox, "paths">): string[] {
  const { result, steering, attachments } = turnFiles(sandbox);
  return [result, steering, attachments];
}
