import { spawn } from "node:child_process";
import { once } from "node:events";

/** The repository of the benchmarks: its files and their sizes are those of a middling monorepo, made of words. */
export const repositorySize = { files: 3_600, commits: 300, filesAtFirst: 2_400 } as const;

const epoch = 1_700_000_000;
const words =
  "account amount answer branch bundle cache check clone commit config create delta event fetch filter handler index input journal key limit machine merge notice object output pack pause policy prompt queue range record remote repository restore result resume row sandbox schema session shape signal stage status step stream table task tenant thread token transcript tree turn usage value worker write".split(
    " ",
  );

/**
 * Fills an empty bare repository: 3,600 files of some 40 MB in 300 commits on `main`, the same objects each time, so that
 * figures of two machines speak of the same work.
 */
export async function makeRepository(directory: string): Promise<void> {
  const git = spawn("git", ["fast-import", "--quiet", "--force"], {
    cwd: directory,
    env: { PATH: process.env.PATH, GIT_DIR: "." },
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = once(git, "close") as Promise<[number | null]>;
  const random = seeded(1);
  for (let number = 0; number < repositorySize.commits; number += 1) {
    if (!git.stdin.write(toCommit(number, random))) await once(git.stdin, "drain");
  }
  git.stdin.end();
  const [code] = await ended;
  if (code !== 0) throw new Error(`git fast-import was to make the repository and ended with ${code}`);
}

/** The first commit brings two files of three; each later one a few of the rest, and changes some. */
function toCommit(number: number, random: () => number): Buffer {
  const { files, commits, filesAtFirst } = repositorySize;
  const perCommit = (files - filesAtFirst) / (commits - 1);
  const upTo = (n: number) => filesAtFirst + Math.round(n * perCommit);
  const added = number === 0 ? [0, filesAtFirst] : [upTo(number - 1), upTo(number)];
  const parts = [
    `commit refs/heads/main\ncommitter bench <bench@example.org> ${epoch + number * 3_600} +0000\n`,
    ...data(Buffer.from(`Change ${number}\n`)),
  ];
  const indexes = Array.from({ length: (added[1] ?? 0) - (added[0] ?? 0) }, (_, at) => (added[0] ?? 0) + at);
  if (number > 0) for (let n = 0; n < 5; n += 1) indexes.push(Math.floor(random() * (added[0] ?? 0)));
  for (const index of new Set(indexes)) {
    parts.push(`M 100644 inline ${pathOf(index)}\n`, ...data(contentOf(random)));
  }
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

function pathOf(index: number): string {
  const name = (n: number) => words[n % words.length] ?? "";
  return `packages/${name(index % 40)}/src/${name(Math.floor(index / 40) % 9)}/${name(index)}-${index}.ts`;
}

/** Many small files, few large ones; 11 kB in the mean. */
function contentOf(random: () => number): Buffer {
  const bytes = 500 + Math.round(10_500 * -Math.log(1 - random()));
  const word = () => words[Math.floor(random() * words.length)] ?? "";
  const lines: string[] = [];
  for (let length = 0; length < bytes;) {
    const line = `  const ${word()}_${word()} = ${word()}(${word()}, { ${word()}: ${Math.floor(random() * 1e6)} }); // ${word()} ${word()}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join("").slice(0, bytes));
}

function data(content: Buffer): (string | Buffer)[] {
  return [`data ${content.length}\n`, content, "\n"];
}

/** Mulberry32: numbers that are the same on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
