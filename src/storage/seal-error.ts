import { UserError } from "../errors.ts";

/**
 * Why a sealed file does not open. broken: it is not what was sealed under this name (damaged, cut off, exchanged);
 * wrong-key: none of our keys made it; newer: a later version of the program made it. Only a broken one is worthless.
 */
export type SealFault = "broken" | "wrong-key" | "newer";

const remedies: Readonly<Record<SealFault, string>> = {
  broken: "Go on without it; if it happens again, look at the disk or bucket that keeps it.",
  "wrong-key": "Set ENCRYPTION_KEY to the key it was sealed with, or put encryption.key back into DATA_DIR.",
  newer: "Run the version of the program that sealed it, or a later one.",
};

/** A sealed file that must not be opened. */
export class SealError extends UserError {
  readonly fault: SealFault;

  constructor(fault: SealFault, message: string, options?: ErrorOptions) {
    super(`seal-${fault}`, message, remedies[fault], options);
    this.fault = fault;
  }
}
