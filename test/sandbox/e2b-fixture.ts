import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { createE2bProvider, type E2bProviderInput } from "../../src/sandbox/e2b.ts";
import type { ExecInput, ExecResult, Sandbox, SandboxProvider } from "../../src/sandbox/sandbox.ts";
import { type E2bOptions, type E2bStandin, startE2b } from "../standins/e2b/start-e2b.ts";

export const lease = { timeoutMs: 20 * 60_000, egress: ["gateway.example.org"] };
export const metadata = { app: "test", session: "session-1", fence: "1" };
export const spec = { ...lease, metadata };

type FixtureOptions = {
  standin?: E2bOptions;
  provider?: Partial<Omit<E2bProviderInput, "config">> & { config?: Partial<E2bProviderInput["config"]> };
};

/** A stand-in and a provider for it; the test fails when the stand-in was asked for something that E2B does not have. */
export async function e2bWorld(options: FixtureOptions = {}): Promise<{
  e2b: E2bStandin;
  provider: SandboxProvider;
  another: (input?: FixtureOptions["provider"]) => SandboxProvider;
}> {
  const e2b = await startE2b({
    toolPaths: [join(process.cwd(), "node_modules", ".bin")],
    ...options.standin,
  });
  onTestFinished(async () => {
    await e2b.close();
    expect(e2b.violations).toEqual([]);
  });
  const { apiKey, template, apiUrl, sandboxUrl } = e2b;
  const another = (input: FixtureOptions["provider"] = {}) =>
    createE2bProvider({
      log: { warn: () => undefined },
      ...options.provider,
      ...input,
      config: {
        ...{ apiKey, template, apiUrl, sandboxUrl, maxRunMs: 60 * 60_000 },
        ...options.provider?.config,
        ...input.config,
      },
    });
  return { e2b, provider: another(), another };
}

/** The same with one machine. */
export async function e2bMachine(options: FixtureOptions = {}) {
  const world = await e2bWorld(options);
  const sandbox = await world.provider.create(spec);
  return { ...world, sandbox, sh: shellOf(sandbox) };
}

/** Runs a script inside; 20 s at most unless said otherwise. */
export function shellOf(
  sandbox: Sandbox,
): (script: string, input?: Partial<ExecInput>) => Promise<ExecResult> {
  return (script, input) => sandbox.exec({ argv: ["sh", "-c", script], timeoutMs: 20_000, ...input });
}
