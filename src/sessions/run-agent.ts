import type { Deps } from "../deps.ts";
import { hasForwardedStatus } from "../gateway/refusal-store.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { createRedactor } from "../github/redact.ts";
import { agentCommand, type ToolSet } from "./agent-command.ts";
import type { ResultEvent } from "./agent-events.ts";
import { openHandOver, type Steering } from "./hand-over.ts";
import { renewAgentHome } from "./agent-home.ts";
import { publicGatewayUrl, withTurnGateway } from "./turn-gateway.ts";
import { turnFiles } from "./turn-files.ts";
import { followAgent, type AgentProgress } from "./follow-agent.ts";
import type { CommandRun } from "./fold-commands.ts";
import { toAgentOutcome, type AgentOutcome } from "./agent-outcome.ts";

export type RunAgentDeps = Pick<Deps, "db" | "system" | "config" | "log" | "clock" | "redact">;

export type Turn = {
  taskId: string;
  accountId: string;
  fence: number;
  claudeSessionId: string;
  /** Given whether the conversation goes on from an earlier turn. */
  renderPrompt: (resume: boolean) => string;
  model: string;
  maxTurns: number;
  timeoutMs: number;
  tools: ToolSet;
  readsMemory: boolean;
};

/** What a turn left behind; stored as the result of its step, so it is plain data. */
export type AgentRun = {
  outcome: AgentOutcome;
  /** The agent's own account of its work, from the file that the prompt asks for; null when it wrote none. */
  resultText: string | null;
  commands: readonly CommandRun[];
  endedAt: string;
  durationMs: number;
};

const maxResultBytes = 64 * 1024;

/**
 * One turn of Claude Code: a fresh home, a one-turn token at a gateway of its own, the prompt by file, events
 * stored as they come. How it ended is a value; it rejects only when the sandbox or the database fails.
 */
export async function runAgent(
  deps: RunAgentDeps,
  input: {
    sandbox: Sandbox;
    /** Whether one goes on, in a home that was made new already; null: that is still to be done. */
    conversation: boolean | null;
    turn: Turn;
    signal: AbortSignal;
    onProgress: (progress: AgentProgress) => void;
    onPrompt: (prompt: string) => Promise<void>;
    steering: Steering;
  },
): Promise<AgentRun> {
  const { sandbox, turn } = input;
  const files = turnFiles(sandbox);
  const resume =
    input.conversation ??
    (await renewAgentHome(sandbox, { ...turn, leftovers: [files.result, files.steering] }));
  const prompt = turn.renderPrompt(resume);
  await input.onPrompt(prompt);
  await sandbox.writeFile(files.prompt, prompt);
  const since = performance.now();
  const { ended, follower, redact } = await withTurnGateway(
    deps,
    { turn, sandbox },
    async ({ turnToken, socketPath }) => {
      const handOver = openHandOver(deps, {
        sandbox,
        directory: files.steering,
        steering: input.steering,
      });
      // Claude Code cuts long output where it likes, and no pattern knows the rest of a token.
      const ownToken = createRedactor([turnToken]);
      const redact = (text: string) => ownToken(deps.redact(text));
      const following = followAgent(
        { ...deps, redact },
        {
          ...turn,
          onProgress: input.onProgress,
          onLine: handOver.line,
        },
      );
      const command = agentCommand({
        ...turn,
        turnToken,
        sandbox,
        resume,
        steeringDirectory: files.steering,
      });
      try {
        const result = await sandbox.exec({
          ...command,
          cwd: sandbox.paths.repo,
          stdinPath: files.prompt,
          timeoutMs: turn.timeoutMs,
          signal: input.signal,
          env: socketPath === null ? command.env(publicGatewayUrl(deps, turn)) : command.env,
          ...(socketPath === null ? {} : { gatewaySocket: socketPath }),
          onStdout: following.push,
        });
        return { ended: result, follower: await following.end(), redact };
      } finally {
        await handOver.end();
      }
    },
  );
  const text = await sandbox.readFile(files.result, { maxBytes: maxResultBytes });
  return {
    outcome: toAgentOutcome({
      ...ended,
      stderrTail: redact(ended.stderrTail),
      result: follower.result,
      budgetSpent: await wasBudgetSpent(deps, turn, follower.result),
    }),
    resultText: text === null ? null : redact(Buffer.from(text).toString("utf8")),
    commands: follower.commands,
    endedAt: deps.clock.now().toISOString(),
    durationMs: Math.round(performance.now() - since),
  };
}

/** With this status the gateway ends a turn whose budget is used up; the model's API has it too, for want of credit. */
const paymentRequired = 402;

async function wasBudgetSpent(deps: RunAgentDeps, turn: Turn, result: ResultEvent | null): Promise<boolean> {
  return (
    result?.apiErrorStatus === paymentRequired && !(await hasForwardedStatus(deps.db, turn, paymentRequired))
  );
}
