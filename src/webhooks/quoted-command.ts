/** A line that quotes a command, as the answer to it does. */
const quotedPattern = /(?<![^\n\r]) {0,3}>[> \t]*\/claude(?=[\s:,]|$)/i;

/** Whether a body quotes a command. It starts nothing, but whoever wonders is told why. */
export function quotesCommand(body: string): boolean {
  return quotedPattern.test(body);
}
