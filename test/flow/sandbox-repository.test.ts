import { expect, test } from "vitest";
import { answer } from "../standins/model/reply.ts";
import { bash } from "../standins/model/scenarios.ts";
import { seeThread } from "./see-thread.ts";
import { shareWorld } from "./share-world.ts";

const pointer =
  "version https://git-lfs.github.com/spec/v1\n" +
  "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
const many = Object.fromEntries(
  Array.from({ length: 5_000 }, (_, index) => [`src/${index % 50}/file-${index}.txt`, `number ${index}\n`]),
);

const open = shareWorld({
  e2b: true,
  files: {
    "README.md": "# widgets\n",
    ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "film.bin": pointer,
    ...many,
  },
  scenario: ({ turn }) =>
    turn === 0
      ? answer("I'll look.", bash("cp film.bin seen.txt; find src -type f | wc -l > count.txt", "Look"))
      : answer("Done."),
});

test(
  "5,000 files and a pointer of Git LFS: all are there, and the pointer stays one",
  { timeout: 180_000 },
  async () => {
    const { issueNumber } = await open().ask("/claude look at the film");
    const task = await open().untilReported(issueNumber, { timeoutMs: 120_000 });
    expect(task).toMatchObject({ status: "completed", failures: 0 });
    const { pulls } = await seeThread(open(), issueNumber);
    expect(pulls[0]?.files.map(({ path, additions }) => [path, additions])).toEqual([
      ["count.txt", 1],
      ["seen.txt", 3],
    ]);
  },
);
