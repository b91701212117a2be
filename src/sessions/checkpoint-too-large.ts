import { UserError } from "../errors.ts";

/** What an agent left behind does not fit into a checkpoint; `bytes` is absent where nobody counted to the end. */
export function checkpointTooLarge(input: { bytes?: number; maxBytes: number; cause?: Error }): UserError {
  const inMiB = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`;
  const most = inMiB(input.maxBytes);
  const size =
    input.bytes === undefined
      ? `more than the ${most} that a checkpoint may take`
      : `${inMiB(input.bytes)}, and a checkpoint may take ${most}`;
  return new UserError(
    "checkpoint-too-large",
    `What Claude left behind takes ${size}, so nothing was pushed.`,
    "Have large generated files ignored by git, or ask the operator to raise CHECKPOINT_MAX_MB.",
    input.cause === undefined ? {} : { cause: input.cause },
  );
}
