import { z } from "zod";
import type { Sandbox as DaytonaSandbox } from "@daytona/sdk";
import type { DaytonaClient } from "./daytona-client.ts";
import { callInside } from "./daytona-inside.ts";
import { phaseOf } from "./daytona-states.ts";
import { DaytonaStopped } from "./daytona-stopped.ts";
import { type Sandbox, SandboxError } from "./sandbox.ts";
import type { Patience } from "./stop-ladder.ts";

/** For tests: a stop that does not take ten seconds. */
export type DaytonaTempo = {
  patience?: { timeout: Patience; abort: Patience };
  /** How long one request waits for output, ms. */
  waitMs?: number;
  /** How long a command is asked after without an answer, ms. */
  silenceMs?: number;
};

export type DaytonaMachine = DaytonaTempo & {
  client: DaytonaClient;
  machine: DaytonaSandbox;
  paths: Sandbox["paths"];
  baseEnv: Readonly<Record<string, string>>;
  /** The folder of the commands' records. */
  runs: string;
  /** Records that are not needed any more; the next command takes them away. */
  finished: string[];
  call<Answer>(input: Omit<Parameters<typeof callInside<Answer>>[1], never>): Promise<Answer>;
  /** Makes a call to the machine; when it fails the machine's state tells what that means. */
  reach<T>(act: () => Promise<T>): Promise<T>;
};

/** Constant: the same template is built for every provider. */
const workspace = "/workspace";

/** Makes a running machine ready for its new holder: nothing of the last one runs on, and the folders are there. */
export async function prepareDaytonaMachine(
  client: DaytonaClient,
  machine: DaytonaSandbox,
  { sweep, tempo }: { sweep: boolean; tempo: DaytonaTempo },
): Promise<DaytonaMachine> {
  const reach = <T>(act: () => Promise<T>) => explainFault(client, machine.id, act);
  const call: DaytonaMachine["call"] = (input) => reach(() => callInside({ client, machine }, input));
  const { home, user, path, left, problem } = await call({
    name: "prepareMachine",
    request: { sweep, folders: [workspace, `${workspace}/tmp`] },
    answer: z.strictObject({
      home: z.string().startsWith("/"),
      user: z.string(),
      path: z.string(),
      left: z.int(),
      problem: z.nullable(z.string()),
    }),
    timeoutSeconds: 30,
    repeatable: true,
  });
  if (left > 0)
    throw new SandboxError("transient", `${left} processes of the machine's last holder could not be ended`);
  if (problem !== null)
    throw new SandboxError(
      "auth",
      `${problem} in a machine made from the Daytona snapshot ${client.config.snapshot}; build it from sandbox/template`,
    );
  return {
    ...tempo,
    client,
    machine,
    paths: { home, workspace, repo: `${workspace}/repo`, tmp: `${workspace}/tmp` },
    baseEnv: {
      HOME: home,
      LANG: "C.UTF-8",
      PATH: path,
      USER: user,
    },
    runs: `${home}/.remote-claude-runs`,
    finished: [],
    call,
    reach,
  };
}

/** What a failed call means: Daytona's proxy answers 400, 404 or 502 alike for a machine that is gone, stopped, or just slow. */
async function explainFault<T>(client: DaytonaClient, id: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof SandboxError) || error.fault === "auth" || error.fault === "busy") throw error;
    const machine = await client.find(id);
    const phase = machine === null ? "over" : phaseOf(machine);
    if (phase === "over" || phase === "broken")
      throw new SandboxError("gone", `the machine ${id} at Daytona is gone`, { cause: error });
    if (phase === "down") throw new DaytonaStopped(id, String(machine?.state), error);
    throw new SandboxError("transient", error.message, { cause: error });
  }
}
