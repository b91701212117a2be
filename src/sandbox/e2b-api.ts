import type { E2B, Sandbox as E2bMachine, SandboxInfo } from "e2b";
import type { E2bConfig } from "../sandbox-settings.ts";
import { answerWithin } from "./answer-within.ts";
import { apiFault, type E2bModule } from "./e2b-faults.ts";
import { retryRemote } from "./remote-retry.ts";
import { SandboxError, type SandboxMetadata, type SandboxSpec } from "./sandbox.ts";

/** E2B's control plane, with its rejections as SandboxErrors. All but `create` may be repeated, and are. */
export type E2bApi = {
  readonly module: E2bModule;
  create(spec: SandboxSpec): Promise<E2bMachine>;
  connect(id: string, timeoutMs: number): Promise<E2bMachine>;
  /** Null when there is no such machine. */
  info(id: string): Promise<SandboxInfo | null>;
  setNetwork(id: string, egress: readonly string[]): Promise<void>;
  setTimeout(id: string, timeoutMs: number): Promise<void>;
  /** False when it was paused already. */
  pause(id: string): Promise<boolean>;
  /** False when there was none. */
  kill(id: string): Promise<boolean>;
  list(filter: Partial<SandboxMetadata>, options?: { limit: number; firstPage: boolean }): Promise<Listed[]>;
};

export type Listed = Pick<SandboxInfo, "sandboxId" | "metadata" | "state" | "startedAt">;

/** E2B's largest page. */
const pageSize = 100;

/** The client's own time limit is a signal that a garbage collection can lose before it fires; ours comes after it. */
const graceMs = 1_000;

/** Loads the client with the first call: a worker that runs nothing does not carry it. */
export function openE2bApi(config: E2bConfig, requestTimeoutMs: number): () => Promise<E2bApi> {
  let opened: Promise<E2bApi> | null = null;
  return () =>
    (opened ??= import("e2b").then((module) => {
      const client = new module.E2B({ ...connection(config), requestTimeoutMs });
      return createApi(module, client, { config, answerMs: requestTimeoutMs + graceMs });
    }));
}

function connection({ apiKey, apiUrl, sandboxUrl }: E2bConfig) {
  // The domain only builds addresses that are all given here; without it the client would look for one in our environment.
  const domain = new URL(apiUrl).hostname.replace(/^api\./, "");
  return {
    ...{ apiKey, apiUrl, domain, debug: false },
    ...(sandboxUrl === null ? {} : { sandboxUrl }),
  };
}

function createApi(
  module: E2bModule,
  client: E2B,
  { config, answerMs }: { config: E2bConfig; answerMs: number },
): E2bApi {
  const { Sandbox } = client;
  const once = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    const asked = call().catch((error: unknown) => {
      throw apiFault(module, error, what);
    });
    return answerWithin(answerMs, `E2B: ${what}`, asked);
  };
  const again = <T>(what: string, call: () => Promise<T>): Promise<T> => retryRemote(() => once(what, call));
  const info = (id: string) =>
    again(`the state of machine ${id} was asked for`, () => Sandbox.getInfo(id)).catch(nullIfGone);
  /** For a paused machine E2B answers as for none: the state tells. */
  const whileAwake = async (id: string, what: string, call: () => Promise<void>): Promise<void> => {
    const done = await again(what, call).then(() => true, falseIfGone);
    if (done) return;
    if ((await info(id)) === null) throw new SandboxError("gone", `machine ${id} is gone`);
    throw new SandboxError("transient", `machine ${id} is paused: ${what}`);
  };
  return {
    module,
    create: ({ metadata, timeoutMs, egress }) =>
      once("a machine was to be made", () =>
        Sandbox.create(config.template, {
          metadata,
          timeoutMs,
          network: { ...policy(egress), allowPublicTraffic: false },
          // A safety net for a worker that dies: we pause ourselves, before the time is over.
          lifecycle: { onTimeout: { action: "pause", keepMemory: false }, autoResume: false },
        }),
      ),
    connect: (id, timeoutMs) =>
      again(`machine ${id} was to be connected to`, () => Sandbox.connect(id, { timeoutMs })),
    info,
    setNetwork: (id, egress) =>
      whileAwake(id, `the network of machine ${id} was to be set`, () =>
        Sandbox.updateNetwork(id, policy(egress)),
      ),
    setTimeout: (id, timeoutMs) =>
      whileAwake(id, `the time of machine ${id} was to be set`, () => Sandbox.setTimeout(id, timeoutMs)),
    pause: (id) =>
      retryRemote(async (state) => {
        const what = `machine ${id} was to be paused`;
        const paused = await once(what, () => Sandbox.pause(id, { keepMemory: false }));
        return paused || state.lostAnswer;
      }),
    kill: (id) =>
      retryRemote(async (state) => {
        const killed = await once(`machine ${id} was to be ended`, () => Sandbox.kill(id));
        return killed || state.lostAnswer;
      }),
    async list(filter, { limit, firstPage } = { limit: pageSize, firstPage: false }) {
      const metadata = Object.fromEntries(Object.entries(filter));
      const query = Object.keys(metadata).length === 0 ? {} : { metadata };
      const pages = Sandbox.list({ query: { ...query, state: ["running", "paused"] }, limit });
      const found: Listed[] = [];
      do found.push(...(await again("machines were to be listed", () => pages.nextItems())));
      while (pages.hasNext && !firstPage);
      return found;
    },
  };
}

/** An update replaces the whole policy, so it is always whole. */
function policy(egress: readonly string[]) {
  return {
    allowOut: [...egress],
    denyOut: ({ allTraffic }: { allTraffic: string }) => [allTraffic],
  };
}

function falseIfGone(error: unknown): false {
  nullIfGone(error);
  return false;
}

function nullIfGone(error: unknown): null {
  if (error instanceof SandboxError && error.fault === "gone") return null;
  throw error;
}
