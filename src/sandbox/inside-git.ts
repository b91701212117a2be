/** A full commit id, SHA-1 or SHA-256. */
export const fullSha = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

const settings = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "core.excludesFile": "/dev/null",
  "core.attributesFile": "/dev/null",
  "core.autocrlf": "false",
  "commit.gpgSign": "false",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "advice.addEmbeddedRepo": "false",
};

/** The environment of the bot's own git commands inside a sandbox: settings of the agent's home take no part in them. */
export const insideGitEnv: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_CONFIG_COUNT: String(Object.keys(settings).length),
  ...Object.fromEntries(
    Object.entries(settings).flatMap(([key, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, key],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]),
  ),
};
