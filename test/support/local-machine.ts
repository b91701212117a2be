import { onTestFinished } from "vitest";
import { createLocalProvider, type LocalProviderInput } from "../../src/sandbox/local.ts";
import type { ExecInput, ExecResult, Sandbox, SandboxProvider } from "../../src/sandbox/sandbox.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export type TestMachine = {
  dataDir: string;
  provider: SandboxProvider;
  sandbox: Sandbox;
  /** Runs a script inside; 20 s at most unless said otherwise. */
  sh: (script: string, input?: Partial<ExecInput>) => Promise<ExecResult>;
};

/** A local machine in a folder of its own, removed with everything in it when the test has finished. */
export async function localMachine(
  options: Partial<Omit<LocalProviderInput, "dataDir">> = {},
): Promise<TestMachine> {
  const dataDir = await temporaryFolder();
  const provider = localProvider(dataDir, options);
  const sandbox = await provider.create({
    metadata: { app: "test", session: "session-1", fence: "1" },
    timeoutMs: 60_000,
    egress: [],
  });
  onTestFinished(async () => {
    await provider.killById(sandbox.id);
  });
  return {
    dataDir,
    provider,
    sandbox,
    sh: (script, input) => sandbox.exec({ argv: ["sh", "-c", script], timeoutMs: 20_000, ...input }),
  };
}

export function localProvider(
  dataDir: string,
  options: Partial<Omit<LocalProviderInput, "dataDir">> = {},
): SandboxProvider {
  return createLocalProvider({
    dataDir,
    isolation: "bwrap",
    claudeBin: null,
    log: { warn: () => undefined },
    ...options,
  });
}
