import type { Sandbox, SandboxMetadata, SandboxProvider, SandboxSummary } from "../../src/sandbox/sandbox.ts";
import { SandboxError } from "../../src/sandbox/sandbox.ts";

type Call = "probe" | "create" | "connect" | "list" | "pause" | "kill";

export type RecordedProvider = SandboxProvider & {
  /** What it was asked for, in order: "create s1/1", "connect m1", "list", "kill m1". */
  calls: string[];
  machines: Map<string, SandboxSummary>;
  /** While set, every call of that kind (and for that machine, where named) rejects with it. */
  faults: Map<Call | `${Call} ${string}`, Error>;
  /** While set, calls of that kind wait for it once they were recorded. */
  gates: Map<Call, Promise<void>>;
  /** A machine that was there before. */
  add(id: string, metadata: Partial<SandboxMetadata>, more?: Partial<SandboxSummary>): SandboxSummary;
};

/** A provider whose machines are entries of a map: for what happens around machines, not in them. */
export function recordedProvider(name: string): RecordedProvider {
  const calls: string[] = [];
  const machines: RecordedProvider["machines"] = new Map();
  const faults: RecordedProvider["faults"] = new Map();
  const gates: RecordedProvider["gates"] = new Map();
  let made = 0;
  const asked = async (call: Call, about = "", id = about): Promise<void> => {
    calls.push(about === "" ? call : `${call} ${about}`);
    await gates.get(call);
    const fault = faults.get(`${call} ${id}`) ?? faults.get(call);
    if (fault !== undefined) throw fault;
  };
  const gone = (id: string) => new SandboxError("gone", `${name} has no machine ${id}`);
  const find = (id: string): SandboxSummary => {
    const found = machines.get(id);
    if (found === undefined) throw gone(id);
    return found;
  };
  return {
    name,
    calls,
    machines,
    faults,
    gates,
    add(id, metadata, more = {}) {
      const summary: SandboxSummary = {
        id,
        metadata: { app: "remote-claude", session: "unknown", fence: "1", ...metadata },
        state: "running",
        startedAt: new Date("2026-01-01T00:00:00Z"),
        ...more,
      };
      machines.set(id, summary);
      return summary;
    },
    async probe() {
      await asked("probe");
      return { kind: "vm", detail: `${name} works` };
    },
    async create({ metadata }) {
      await asked("create", `${metadata.session}/${metadata.fence}`);
      const id = `${name}-${++made}`;
      machines.set(id, { id, metadata, state: "running", startedAt: new Date() });
      return machineOf(name, id);
    },
    async connect(id) {
      await asked("connect", id);
      find(id).state = "running";
      return machineOf(name, id);
    },
    async list(filter) {
      await asked("list");
      const wanted = Object.entries(filter);
      return [...machines.values()].filter(({ metadata }) =>
        wanted.every(([key, value]) => metadata[key as keyof SandboxMetadata] === value),
      );
    },
    async pauseById(id) {
      await asked("pause", id);
      const found = find(id);
      if (found.state === "paused") return false;
      found.state = "paused";
      return true;
    },
    async killById(id) {
      await asked("kill", id);
      return machines.delete(id);
    },
  };
}

function machineOf(provider: string, id: string): Sandbox {
  const unused = () => Promise.reject(new Error(`nothing is expected to happen in ${provider} ${id}`));
  return {
    provider,
    id,
    gateway: "socket",
    paths: { home: "/h", workspace: "/w", repo: "/w/repo", tmp: "/w/tmp" },
    exec: unused,
    writeFile: unused,
    readFile: unused,
    putDirectory: unused,
    remove: unused,
    extend: unused,
    pause: unused,
    kill: unused,
  };
}
