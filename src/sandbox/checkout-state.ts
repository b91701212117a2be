export type CheckoutState = {
  /** The whole working tree, files that belong to no commit included. */
  treeSha: string;
  /** SHA-256 of the conversation's transcript, hex; null when there is none. */
  transcriptSha256: string | null;
};

/** What `stateScript` has said in a machine; null when it is something else. */
export function parseCheckoutState(said: string): CheckoutState | null {
  const [, treeSha, digest] = /^tree ([0-9a-f]{40,64}) transcript ([0-9a-f]{64}|none)$/.exec(said) ?? [];
  if (treeSha === undefined || digest === undefined) return null;
  return { treeSha, transcriptSha256: digest === "none" ? null : digest };
}
