import type { Sandbox } from "../sandbox/sandbox.ts";
import { steeringSettings, steeringVariable } from "./steering-hooks.ts";

export type AgentCommandInput = {
  sandbox: Sandbox;
  turnToken: string;
  model: string;
  maxTurns: number;
  claudeSessionId: string;
  resume: boolean;
  tools: ToolSet;
  /** The checkout's CLAUDE.md is read: not where it comes from a fork. */
  readsMemory: boolean;
  /** Where messages to the running turn are put. */
  steeringDirectory: string;
};

/** How often Claude Code itself repeats a failed model call before the turn fails and the queue takes over. */
const modelRetries = "4";

/**
 * What the agent may use. The others either make no sense in one turn of one sandbox (schedules, worktrees) or reach
 * beyond its egress list (web search), and each would cost tokens in every call (Claude Code 2.1.330).
 */
const tools = {
  everything: ["Bash", "Edit", "NotebookEdit", "Read", "Task", "TodoWrite", "Write"],
  /** Looks around and runs what it likes, but is to change nothing. */
  answering: ["Bash", "Read", "Task", "TodoWrite"],
  /** Runs nothing: for code of people whom nobody here has to trust. Write is for the result alone. */
  reading: ["Glob", "Grep", "Read", "Task", "TodoWrite", "Write"],
} as const satisfies Record<string, readonly string[]>;

export type ToolSet = keyof typeof tools;

/** The gateway reserves this many for each call, so a model's own maximum (up to 128,000) would eat small budgets. */
const maxOutputTokens = "32000";

/**
 * The command line of a turn. The repository's own settings, hooks and MCP servers stay unread
 * (`--setting-sources user`, `--strict-mcp-config`), its CLAUDE.md is read as text.
 */
export function agentCommand(input: AgentCommandInput): {
  argv: readonly [string, ...string[]];
  /** Given where the gateway is reached from inside: http://127.0.0.1:port, or a path of the server. */
  env: (gatewayUrl: string) => Record<string, string>;
} {
  return {
    argv: [
      "claude",
      "-p",
      "--output-format",
      "stream-json",
      "--verbose",
      "--include-hook-events",
      "--dangerously-skip-permissions",
      "--setting-sources",
      "user",
      "--settings",
      steeringSettings,
      "--strict-mcp-config",
      "--add-dir",
      input.sandbox.paths.repo,
      "--model",
      input.model,
      "--max-turns",
      String(input.maxTurns),
      "--tools",
      tools[input.tools].join(","),
      input.resume ? "--resume" : "--session-id",
      input.claudeSessionId,
    ],
    env: (gatewayUrl) => {
      return {
        IS_SANDBOX: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
        ...(input.readsMemory ? { CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD: "1" } : {}),
        CLAUDE_CODE_MAX_RETRIES: modelRetries,
        CLAUDE_CODE_MAX_OUTPUT_TOKENS: maxOutputTokens,
        // TodoWrite instead of the task tools, which a model would have to search for first.
        CLAUDE_CODE_ENABLE_TASKS: "0",
        [steeringVariable]: input.steeringDirectory,
        ANTHROPIC_BASE_URL: gatewayUrl,
        ANTHROPIC_API_KEY: input.turnToken,
        ...(input.sandbox.gateway === "socket" ? proxyEnv(gatewayUrl, input.turnToken) : {}),
      };
    },
  };
}

/** On this host the gateway is also the only way to the allowed hosts; elsewhere the machine's own egress rules are. */
function proxyEnv(gatewayUrl: string, turnToken: string): Record<string, string> {
  const proxy = gatewayUrl.replace("http://", `http://turn:${turnToken}@`);
  const direct = "127.0.0.1,localhost";
  return {
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    http_proxy: proxy,
    https_proxy: proxy,
    NO_PROXY: direct,
    no_proxy: direct,
  };
}
