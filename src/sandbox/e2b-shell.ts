import type { CommandHandle } from "e2b";
import type { E2bModule } from "./e2b-faults.ts";
import { askMachine, type E2bMachineLink } from "./e2b-link.ts";
import { retryRemote } from "./remote-retry.ts";
import type { RemoteShell } from "./remote-shell.ts";

const callTimeoutMs = 60_000;

/** E2B starts commands through a login shell, which would run what the agent wrote into its home; this home is nobody's. */
const options = { user: "user", envs: { HOME: "/nonexistent" } } as const;

/** Commands of one E2B machine. */
export function createE2bShell(link: E2bMachineLink): RemoteShell {
  const { module } = link;
  return {
    start: (script, { onStdout, onStderr }) =>
      askMachine(link, "a command was to be started", async () => {
        const handle = await link.machine().commands.run(script, {
          ...options,
          ...{ background: true, stdin: true, timeoutMs: 0, onStdout, onStderr },
        });
        const gone = Promise.withResolvers<null>();
        return {
          pid: handle.pid,
          ended: Promise.race([codeOf(module, handle), gone.promise]),
          leave: () => {
            gone.resolve(null);
            void handle.disconnect();
          },
        };
      }),
    call: (script, { timeoutMs = callTimeoutMs } = {}) =>
      retryRemote(() =>
        askMachine(link, "a short command was to be run", async () => {
          try {
            return await link.machine().commands.run(script, { ...options, timeoutMs });
          } catch (error) {
            if (error instanceof module.CommandExitError) return error;
            throw error;
          }
        }),
      ),
    tell: (pid, line) =>
      retryRemote(() =>
        askMachine(link, "a command was to be told something", async () => {
          const { commands } = link.machine();
          try {
            await commands.sendStdin(pid, `${line}\n`);
          } catch (error) {
            // A command that is over cannot be told anything, and need not.
            if ((await commands.list()).some((running) => running.pid === pid)) throw error;
          }
        }),
      ),
    kill: (pid) =>
      retryRemote(() =>
        askMachine(link, "a command was to be killed", async () => {
          await link.machine().commands.kill(pid);
        }),
      ),
    processes: () =>
      retryRemote(() => askMachine(link, "commands were to be listed", () => link.machine().commands.list())),
  };
}

/** Null when the stream ended before the command did, as far as we know. */
async function codeOf(module: E2bModule, handle: CommandHandle): Promise<number | null> {
  try {
    return (await handle.wait()).exitCode;
  } catch (error) {
    return error instanceof module.CommandExitError ? error.exitCode : null;
  }
}
