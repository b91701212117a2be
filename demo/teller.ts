import type { WriteStream } from "node:tty";

/** Tells the story on a terminal: plain sentences, indented quotations, colour where there is a terminal. */
export type Teller = {
  say(text: string): void;
  /** A step of the story, with the time since it began. */
  step(text: string): void;
  /** A text of somebody, such as a comment, as it stands on GitHub. */
  quote(title: string, text: string): void;
  diff(text: string): void;
};

export function createTeller(out: Pick<WriteStream, "write"> & { isTTY?: boolean }): Teller {
  const began = performance.now();
  const paint = (code: string, text: string) =>
    out.isTTY === true ? `\u001b[${code}m${text}\u001b[0m` : text;
  const line = (text: string) => void out.write(`${text}\n`);
  return {
    say: line,
    step(text) {
      const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6);
      line(`${paint("2", `${seconds} s`)}  ${text}`);
    },
    quote(title, text) {
      line(`\n          ${paint("1", title)}`);
      for (const row of text.split("\n")) line(`          ${paint("2", "│")} ${row}`);
      line("");
    },
    diff(text) {
      for (const row of text.trimEnd().split("\n")) {
        const code = row.startsWith("+")
          ? "32"
          : row.startsWith("-")
            ? "31"
            : row.startsWith("@@")
              ? "36"
              : "0";
        line(`          ${paint(code, row)}`);
      }
    },
  };
}
