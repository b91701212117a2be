import { join } from "node:path";
import { updateMirror } from "../../src/github/mirror.ts";
import { checkOut } from "../../src/sandbox/git-in.ts";
import { takeBundle } from "../../src/sandbox/git-out.ts";
import { gitRepository, type TestFile, type TestRepository } from "./git-repository.ts";
import { localMachine, type TestMachine } from "./local-machine.ts";

export type TestCheckout = TestMachine & {
  /** What stands on the server. */
  origin: TestRepository;
  sha: string;
  mirrorPath: string;
  tempDir: string;
  branch: string;
  /** Fetches what is new on the server into the mirror. */
  update: () => Promise<void>;
  /** Runs a script in the checkout; rejects when it fails. */
  inRepo: (script: string) => Promise<string>;
  take: (baseSha?: string) => ReturnType<typeof takeBundle>;
};

/** A repository, its mirror, and a machine with a checkout of its head. */
export async function testCheckout(
  files: Record<string, TestFile> = { "README.md": "hello\n" },
  options: { isolation?: "bwrap" | "none"; depth?: number; commits?: number } = {},
): Promise<TestCheckout> {
  const origin = await gitRepository(files);
  for (let index = 0; index < (options.commits ?? 0); index++)
    await origin.commit({ "count.txt": `${index}\n` });
  const sha = origin.git("rev-parse", "HEAD");
  const machine = await localMachine({ isolation: options.isolation ?? "bwrap" });
  const { dataDir, sandbox } = machine;
  const remoteUrl = `file://${origin.path}`;
  const input = { dataDir, repositoryId: 1, remoteUrl, token: null };
  const mirrorPath = (await updateMirror(input)).path;
  const tempDir = join(dataDir, "tmp");
  const branch = "claude/1-test";
  const depth = options.depth ?? 50;
  await checkOut(sandbox, {
    mirrorPath,
    sha,
    branch,
    remoteUrl: "https://github.com/o/r.git",
    depth,
    tempDir,
  });
  let taken = 0;
  return {
    ...machine,
    origin,
    sha,
    mirrorPath,
    tempDir,
    branch,
    async update() {
      await updateMirror(input);
    },
    async inRepo(script) {
      const result = await machine.sh(script, { cwd: sandbox.paths.repo });
      if (result.exitCode !== 0) throw new Error(`${script}: ${result.stderrTail}`);
      return result.stdoutTail.trim();
    },
    take: (baseSha = sha) =>
      takeBundle(sandbox, { baseSha, maxBytes: 20_000_000, hostPath: join(tempDir, `${taken++}.bundle`) }),
  };
}
