/** Foreign text in a block of code that it cannot leave, folded under a line of ours. */
export function renderFolded(summary: string, language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = "`".repeat(longest + 1);
  return `<details><summary>${summary}</summary>\n\n${fence}${language}\n${text.replace(/\n$/, "")}\n${fence}\n\n</details>`;
}
