import type {
  SandboxInstance as VibeKitInstance,
  SandboxProvider as VibeKitProvider,
  VibeKit,
} from "@vibe-kit/sdk";
import { toError } from "../errors.ts";
import { type Sandbox, SandboxError, type SandboxProvider } from "./sandbox.ts";

/** The SDK puts it unquoted into shell commands, so it is constant and never reaches a shell; it stands for `paths.workspace`. */
const workingDirectory = "/workspace";

/**
 * The same provider with VibeKit's SDK driving the life of its machines: create or connect, the first command, pause and
 * kill. Commands, files, streaming and abort go straight to the machine: the SDK changes prompts, has no abort, and loses
 * lines. The SDK is loaded with the first machine.
 */
export function withVibeKit(provider: SandboxProvider): SandboxProvider {
  return {
    name: provider.name,
    probe: () => provider.probe(),
    list: (filter) => provider.list(filter),
    // The SDK forgets machines that it has not used yet: by id means by the provider.
    killById: (id) => provider.killById(id),
    pauseById: (id) => provider.pauseById(id),
    create: (spec) => openMachine(() => provider.create(spec), null),
    connect: (id, lease) => openMachine(() => provider.connect(id, lease), id),
  };
}

async function openMachine(open: () => Promise<Sandbox>, sessionId: string | null): Promise<Sandbox> {
  const { VibeKit } = await import("@vibe-kit/sdk");
  const adapter = adaptMachine(open, sessionId);
  const kit = new VibeKit()
    // Both credentials are dummies: without them the SDK would look for one in our environment.
    .withAgent({
      type: "claude",
      provider: "anthropic",
      apiKey: "unused",
      oauthToken: "unused",
      model: "unused",
    })
    .withSandbox(adapter.provider)
    .withWorkingDirectory(workingDirectory);
  if (sessionId !== null) kit.withSession(sessionId);
  // An "error" event without a listener would throw in the middle of the SDK.
  kit.on("error", adapter.keepFault);
  // One awaited command first: before it pause, kill and getSession of the SDK do nothing, and two at once make two machines.
  await kit.executeCommand("true", { timeoutMs: 60_000 });
  const machine = await adapter.take();
  const session = await kit.getSession();
  if (session !== machine.id) {
    throw new SandboxError(
      "transient",
      `expected VibeKit to hold machine ${machine.id}, it holds ${session ?? "none"}`,
    );
  }
  return driven(machine, kit);
}

function driven(machine: Sandbox, kit: VibeKit): Sandbox {
  return {
    provider: machine.provider,
    id: machine.id,
    gateway: machine.gateway,
    paths: machine.paths,
    exec: (input) => machine.exec(input),
    writeFile: (path, data, options) => machine.writeFile(path, data, options),
    readFile: (path, options) => machine.readFile(path, options),
    putDirectory: (hostDirectory, path) => machine.putDirectory(hostDirectory, path),
    remove: (path) => machine.remove(path),
    extend: (timeoutMs) => machine.extend(timeoutMs),
    pause: () => kit.pause(),
    kill: () => kit.kill(),
  };
}

/**
 * Our machine as the SDK wants one. What goes wrong is kept aside and not thrown through the SDK, which would print it and
 * wrap it in a text; `take` throws it, or gives the machine.
 */
function adaptMachine(open: () => Promise<Sandbox>, sessionId: string | null) {
  let opening: Promise<VibeKitInstance> | null = null;
  let machine: Sandbox | null = null;
  let fault: Error | null = null;
  const keepFault = (thrown: unknown) => {
    fault ??= toError(thrown);
  };
  const openOnce = () => (opening ??= openInstance());
  const openInstance = async (): Promise<VibeKitInstance> => {
    try {
      const opened = await open();
      machine = opened;
      return toInstance(opened, keepFault);
    } catch (error) {
      keepFault(error);
      return deadInstance;
    }
  };
  const provider: VibeKitProvider = {
    // The environment holds credentials that no machine may see; each command brings its own.
    create: openOnce,
    resume: openOnce,
  };
  const take = async (): Promise<Sandbox> => {
    // A machine that was made and does not work would be found by nobody.
    if (fault !== null && sessionId === null) await machine?.kill();
    if (fault !== null) throw fault;
    if (machine === null) throw new SandboxError("transient", "VibeKit opened no machine");
    return machine;
  };
  return { provider, keepFault, take };
}

const done = { exitCode: 0, stdout: "", stderr: "" };

const deadInstance: VibeKitInstance = {
  sandboxId: "",
  commands: { run: () => Promise.resolve(done) },
  kill: () => Promise.resolve(),
  pause: () => Promise.resolve(),
  getHost: () => Promise.resolve(""),
};

function toInstance(machine: Sandbox, keepFault: (thrown: unknown) => void): VibeKitInstance {
  const run: VibeKitInstance["commands"]["run"] = async (command, options) => {
    // The workspace is part of every machine: nothing to make, one round trip less.
    if (command === `mkdir -p ${workingDirectory} || true`) return done;
    try {
      if (command !== `cd ${workingDirectory} && true`) {
        throw new SandboxError(
          "refused",
          `expected only VibeKit's first command, got ${JSON.stringify(command)}`,
        );
      }
      const { exitCode, stderrTail } = await machine.exec({
        argv: ["true"],
        cwd: machine.paths.workspace,
        timeoutMs: options?.timeoutMs ?? 60_000,
      });
      if (exitCode !== 0)
        throw new SandboxError("transient", `the machine's first command failed: ${stderrTail.trim()}`);
    } catch (error) {
      keepFault(error);
    }
    return done;
  };
  return {
    sandboxId: machine.id,
    commands: { run },
    kill: () => machine.kill(),
    pause: () => machine.pause(),
    getHost: () => Promise.reject(new SandboxError("refused", "a machine of ours has no public host")),
  };
}
