import { onTestFinished, type TestContext } from "vitest";
import { createDaytonaProvider, type DaytonaProviderInput } from "../../../src/sandbox/daytona.ts";
import type { ExecInput, ExecResult, Sandbox, SandboxProvider } from "../../../src/sandbox/sandbox.ts";
import { needBwrap } from "../../support/need-bwrap.ts";
import { startDaytona, type DaytonaOptions, type DaytonaStandin } from "./start-daytona.ts";

export const lease = { timeoutMs: 10 * 60_000, egress: [] };
export const metadata = { app: "test", session: "session-1", fence: "1" };
export const spec = { ...lease, metadata };

export type DaytonaStage = { daytona: DaytonaStandin; provider: SandboxProvider; lines: string[] };

/** A stand-in and a provider for it, until the test has finished; a violation fails the test. */
export async function daytonaStage(
  context: TestContext,
  options: { standin?: DaytonaOptions; provider?: Partial<DaytonaProviderInput> } = {},
): Promise<DaytonaStage> {
  await needBwrap(context);
  const daytona = await startDaytona(options.standin);
  onTestFinished(async () => {
    await daytona.close();
    if (daytona.violations.length > 0)
      throw new Error(`expected no violation: ${daytona.violations.join("; ")}`);
  });
  const lines: string[] = [];
  return { daytona, provider: daytonaProvider(daytona, { ...options.provider, log: logTo(lines) }), lines };
}

export function daytonaProvider(
  { apiKey, apiUrl, snapshot }: DaytonaStandin,
  input: Partial<DaytonaProviderInput> = {},
): SandboxProvider {
  return createDaytonaProvider({
    config: { apiKey, apiUrl, target: null, snapshot },
    log: logTo([]),
    patience: { withinMs: 15_000, pollMs: 20 },
    ...input,
  });
}

function logTo(lines: string[]) {
  const write = (_: unknown, line: string) => lines.push(line);
  return { info: write, warn: write } as unknown as DaytonaProviderInput["log"];
}

export type DaytonaMachineStage = DaytonaStage & {
  sandbox: Sandbox;
  /** Runs a script inside; 30 s at most unless said otherwise. */
  sh: (script: string, input?: Partial<ExecInput>) => Promise<ExecResult>;
};

/** A stage with one machine on it. */
export async function daytonaMachine(
  context: TestContext,
  options: { standin?: DaytonaOptions; provider?: Partial<DaytonaProviderInput> } = {},
): Promise<DaytonaMachineStage> {
  const stage = await daytonaStage(context, options);
  const sandbox = await stage.provider.create(spec);
  return {
    ...stage,
    sandbox,
    sh: (script, input) => sandbox.exec({ argv: ["sh", "-c", script], timeoutMs: 30_000, ...input }),
  };
}
