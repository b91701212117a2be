/** GitHub's limit for a comment, in characters. */
const longest = 65_536;
const command = "\n\n/claude fix it";

const fill = (piece: string): string =>
  piece.repeat(Math.ceil(longest / piece.length)).slice(0, longest - command.length) + command;
const lines = (line: (index: number) => string): string => {
  const all: string[] = [];
  for (let length = 0, index = 0; length < longest - 300; index++) {
    const next = line(index);
    length += next.length + 1;
    all.push(next);
  }
  return all.join("\n") + command;
};

/** Bodies that are as long as GitHub allows and hard to read, each with a command at its end or all over. */
export const hostileBodies: Readonly<Record<string, string>> = {
  "a mail": fill("The quick brown fox jumps over the lazy dog.\n"),
  paragraphs: fill("The quick brown fox.\n\n"),
  "a fenced log": `~~~\n${fill("at <anonymous> `x` - y\n").slice(0, -command.length - 10)}\n~~~${command}`,
  fences: fill("```\na\n```\n"),
  quotes: fill("> a\n"),
  "deep quotes": lines(() => `${">".repeat(16)} a`),
  "a list": fill("- a\n"),
  "deep lists": lines((index) => `${" ".repeat((index % 64) * 2)}- a`),
  "below a deep list": lines((index) => (index < 32 ? `${" ".repeat(index * 2)}- a` : `${" ".repeat(64)}b`)),
  headings: fill("# a\n"),
  rules: fill("a\n---\n"),
  "code spans": fill("`a` "),
  "open ticks": fill("`"),
  brackets: fill("["),
  links: fill("[a](b"),
  stars: fill("*a _b "),
  HTML: fill("<div>\n\n"),
  "open tags": fill("<a "),
  "open comments": fill("<!-- a "),
  tables: fill("|a|b|\n|-|-|\n"),
  commands: fill("/claude fix\n"),
  "quoted commands": fill("> /claude fix\n"),
  options: `/claude ${"--model x ".repeat(6_000)}`,
  "tag characters": fill("\u{e0041}"),
};
