import { UserError } from "../errors.ts";
import { isPriced } from "./rate-card.ts";

/** Throws a UserError `model-unpriced` for a model whose price nobody knows: no task begins that could not be paid for. */
export function requirePriced(model: string, { isServers }: { isServers: boolean }): void {
  if (isPriced(model)) return;
  throw new UserError(
    "model-unpriced",
    `Expected a model with a known price, got \`${shown(model)}\`${isServers ? ", which this server's settings name" : ""}; nothing was started.`,
    isServers
      ? "The operator sets CLAUDE_MODEL to a model of the rate card, or installs a release that knows this one."
      : "Repeat the command with a model such as `--model claude-sonnet-4-5`, or without `--model`.",
  );
}

/** It may come from a comment. */
const shown = (model: string): string => model.replaceAll(/[^\w.:@/[\]-]/g, "?").slice(0, 60);
