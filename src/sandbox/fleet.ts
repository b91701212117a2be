import type { Clock } from "../clock.ts";
import { toError, UserError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { createBreaker, type Breaker, type BreakerOptions, type BreakerState } from "./breaker.ts";
import { noProvider, noSandbox, type ProviderFailure } from "./fleet-error.ts";
import {
  SandboxError,
  type Isolation,
  type Sandbox,
  type SandboxLease,
  type SandboxMetadata,
  type SandboxProvider,
  type SandboxSpec,
  type SandboxSummary,
} from "./sandbox.ts";

/** A machine among all providers. */
export type SandboxRef = { provider: string; id: string };
export type FleetMachine = SandboxSummary & { provider: string };

export type SandboxFleet = {
  /** What every machine of this deployment says of itself (metadata `app`), so that nobody else's are touched. */
  readonly app: string;
  /** In the order of fail-over. */
  readonly providers: readonly string[];
  /**
   * Probes all of them. Those that work are named in the answer; one that does not is left alone for a while, and is warned of.
   * Rejects when none works: with its own error where there is one only, else with a UserError that has the reason of each.
   */
  probe(): Promise<Record<string, Isolation>>;
  /**
   * Makes a machine at the first provider that can. When none can: UserError where only an operator helps (keys, refusals),
   * else TransientError with the time after which another try makes sense.
   */
  create(spec: SandboxSpec): Promise<Sandbox>;
  /**
   * Connects at the machine's own provider. "gone": it is no more. Any other fault, which comes at once while the provider is left
   * alone or is not configured any more, says nothing about the machine: keep its row and go on elsewhere.
   */
  connect(ref: SandboxRef, lease: SandboxLease): Promise<Sandbox>;
  /** From every provider; one that does not answer is named in `failed` and hides nothing of the others. */
  list(
    filter: Partial<SandboxMetadata>,
  ): Promise<{ machines: FleetMachine[]; failed: { provider: string; error: Error }[] }>;
  /** As the port's pauseById; UserError when the provider is not configured. */
  pause(ref: SandboxRef): Promise<boolean>;
  /** As the port's killById; UserError when the provider is not configured. */
  kill(ref: SandboxRef): Promise<boolean>;
  /** How each provider is thought of, for health, metrics and doctor. */
  state(): Record<string, BreakerState>;
};

type Member = { provider: SandboxProvider; breaker: Breaker };

/** Several providers as one, each behind a circuit breaker. */
export function createFleet(input: {
  /** In the order of fail-over. */
  providers: readonly SandboxProvider[];
  app?: string;
  clock: Clock;
  log: Pick<Logger, "info" | "warn">;
  breaker?: Partial<BreakerOptions>;
}): SandboxFleet {
  const { clock, log } = input;
  const members = new Map<string, Member>(
    input.providers.map((provider) => [
      provider.name,
      { provider, breaker: createBreaker(provider.name, input, input.breaker) },
    ]),
  );
  const find = (name: string): SandboxProvider => {
    const member = members.get(name);
    if (member !== undefined) return member.provider;
    throw notConfigured(name, [...members.keys()]);
  };
  return {
    app: input.app ?? "remote-claude",
    providers: [...members.keys()],
    probe: () => probeAll([...members.values()], log),
    async create(spec) {
      const failures: ProviderFailure[] = [];
      for (const [name, { provider, breaker }] of members) {
        try {
          return await breaker.run(() => provider.create(spec));
        } catch (thrown) {
          const error = toError(thrown);
          failures.push({ provider: name, error, retryAt: breaker.state().retryAt });
          log.warn({ provider: name, err: error, sessionId: spec.metadata.session }, "no sandbox from there");
        }
      }
      throw noSandbox(failures, clock.now());
    },
    async connect({ provider: name, id }, lease) {
      const member = members.get(name);
      if (member === undefined)
        throw new SandboxError(
          "auth",
          `the machine ${id} is at ${name}, which SANDBOX_PROVIDER no longer names`,
        );
      return member.breaker.run(() => member.provider.connect(id, lease));
    },
    list: (filter) => listAll([...members.values()], filter),
    // No promise chain of their own: an unknown provider rejects like everything else.
    pause: async ({ provider, id }) => find(provider).pauseById(id),
    kill: async ({ provider, id }) => find(provider).killById(id),
    state: () => Object.fromEntries([...members].map(([name, { breaker }]) => [name, breaker.state()])),
  };
}

async function probeAll(
  members: readonly Member[],
  log: Pick<Logger, "warn">,
): Promise<Record<string, Isolation>> {
  const working: Record<string, Isolation> = {};
  const failures: (ProviderFailure & { breaker: Breaker })[] = [];
  await Promise.all(
    members.map(async ({ provider, breaker }) => {
      try {
        working[provider.name] = await provider.probe();
      } catch (thrown) {
        failures.push({ provider: provider.name, error: toError(thrown), retryAt: null, breaker });
      }
    }),
  );
  if (failures.length === members.length) throw noProvider(failures);
  for (const { provider, error, breaker } of failures) {
    log.warn({ provider, err: error }, "a sandbox provider does not work; the others take its place");
    await breaker.open(error);
  }
  return working;
}

async function listAll(members: readonly Member[], filter: Partial<SandboxMetadata>) {
  const machines: FleetMachine[] = [];
  const failed: { provider: string; error: Error }[] = [];
  await Promise.all(
    members.map(async ({ provider }) => {
      try {
        const found = await provider.list(filter);
        machines.push(...found.map((summary) => ({ ...summary, provider: provider.name })));
      } catch (thrown) {
        failed.push({ provider: provider.name, error: toError(thrown) });
      }
    }),
  );
  return { machines, failed };
}

function notConfigured(name: string, configured: readonly string[]): UserError {
  return new UserError(
    "sandbox-provider-unknown",
    `Expected a machine at ${configured.join(" or ")}, got one at ${name}, which SANDBOX_PROVIDER does not name.`,
    `Add ${name} to SANDBOX_PROVIDER with its key, or end the machine in the provider's own dashboard.`,
  );
}
