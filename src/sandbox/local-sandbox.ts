import { access, mkdir } from "node:fs/promises";
import { createMachineFiles } from "./machine-files.ts";
import { type LocalMachine, runInMachine } from "./local-exec.ts";
import { type ExecInput, type ExecResult, type Sandbox, SandboxError } from "./sandbox.ts";

/** One machine of the local provider. `lifecycle` is the provider's side of pause and kill. */
export function createLocalSandbox(
  id: string,
  machine: LocalMachine,
  lifecycle: Pick<Sandbox, "pause" | "kill">,
): Sandbox {
  const { layout, paths } = machine;
  const files = createMachineFiles([
    { inside: paths.home, host: layout.home },
    { inside: paths.workspace, host: layout.workspace },
  ]);
  const assertThere = async () => {
    try {
      await access(layout.meta);
    } catch (cause) {
      throw new SandboxError("gone", `machine ${id} is gone`, { cause });
    }
  };
  const exec = async (input: ExecInput): Promise<ExecResult> => {
    await assertThere();
    for (const value of [...input.argv, input.cwd ?? "/"]) {
      if (value.includes("\0")) throw new TypeError("expected arguments and folder without NUL");
    }
    if (input.stdinPath === undefined) return runInMachine(machine, input, "ignore");
    const stdin = await files.open(input.stdinPath);
    if (stdin === null) {
      throw new SandboxError("refused", `expected a file for stdin at ${input.stdinPath}, found none`);
    }
    try {
      return await runInMachine(machine, input, stdin.fd);
    } finally {
      await stdin.close();
    }
  };
  return {
    provider: "local",
    id,
    gateway: "socket",
    paths,
    exec,
    async writeFile(path, data, options) {
      await assertThere();
      await files.write(path, data, options?.mode ?? 0o600);
    },
    async readFile(path, { maxBytes }) {
      await assertThere();
      return files.read(path, maxBytes);
    },
    async putDirectory(hostDirectory, path) {
      await assertThere();
      await files.putDirectory(hostDirectory, path);
    },
    // A folder lives until it is removed.
    extend: () => Promise.resolve(),
    async remove(path) {
      // From inside: whatever the agent makes of the path meanwhile, only its own files can be hit.
      const result = await exec({ argv: ["rm", "-rf", "--", path], timeoutMs: 120_000 });
      if (result.exitCode !== 0) {
        throw new SandboxError("refused", `expected to remove ${path}: ${result.stderrTail.trim()}`);
      }
    },
    ...lifecycle,
  };
}

/** Makes the folders of a machine that are seen from inside. */
export async function makeMachineFolders(machine: LocalMachine): Promise<void> {
  for (const folder of [machine.layout.home, machine.layout.workspace, machine.layout.run]) {
    await mkdir(folder, { recursive: true, mode: 0o755 });
  }
  await mkdir(`${machine.layout.workspace}/tmp`, { recursive: true, mode: 0o755 });
}
