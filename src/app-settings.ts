import { readFileSync } from "node:fs";
import type { Environment } from "./environment.ts";
import { UserError } from "./errors.ts";

export type GitHubApp = { id: number; privateKey: string; webhookSecrets: readonly [string, ...string[]] };

/** The variables for a process that mints no tokens. */
export function withoutPrivateKey(source: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const held = ["PRIVATE_KEY", "PRIVATE_KEY_PATH"];
  return Object.fromEntries(Object.entries(source).filter(([name]) => !held.includes(name)));
}

/** Half an App is worse than none: webhooks would be accepted that nobody can answer. Of the server alone no key is asked (`keyNeeded`). */
export function appProblems(source: Record<string, string | undefined>, keyNeeded: boolean): string[] {
  const hasKey = source.PRIVATE_KEY !== undefined || source.PRIVATE_KEY_PATH !== undefined;
  const has = {
    APP_ID: source.APP_ID !== undefined,
    ...(keyNeeded || hasKey ? { "PRIVATE_KEY or PRIVATE_KEY_PATH": hasKey } : {}),
    WEBHOOK_SECRET: source.WEBHOOK_SECRET !== undefined,
  };
  const missing = Object.entries(has).flatMap(([name, present]) => (present ? [] : [name]));
  const problems: string[] = [];
  if (missing.length > 0 && missing.length < Object.keys(has).length) {
    problems.push(
      `${missing.join(", ")}: missing, while other variables of the GitHub App are set; set all of them, or none to start with /setup`,
    );
  }
  if (source.PRIVATE_KEY !== undefined && source.PRIVATE_KEY_PATH !== undefined) {
    problems.push("PRIVATE_KEY and PRIVATE_KEY_PATH: both are set; keep one");
  }
  if (source.ANTHROPIC_API_KEY !== undefined && source.CLAUDE_CODE_OAUTH_TOKEN !== undefined) {
    problems.push("ANTHROPIC_API_KEY and CLAUDE_CODE_OAUTH_TOKEN: both are set; keep one");
  }
  return problems;
}

/** A configuration that does not hold, with everything that is wrong with it. */
export function invalidConfig(problems: readonly string[]): UserError {
  return new UserError(
    "config-invalid",
    `The configuration has ${problems.length === 1 ? "a mistake" : `${problems.length} mistakes`}:\n${problems.map((line) => `  - ${line}`).join("\n")}`,
    "Mend them in the environment or in .env (every variable is described in .env.example) and start again.",
  );
}

/** The App without its key; null when none is configured. */
export function readApp(env: Environment): Omit<GitHubApp, "privateKey"> | null {
  if (env.APP_ID === undefined || env.WEBHOOK_SECRET === undefined) return null;
  const previous = env.WEBHOOK_SECRET_PREVIOUS;
  return {
    id: env.APP_ID,
    webhookSecrets: [env.WEBHOOK_SECRET, ...(previous === undefined ? [] : [previous])],
  };
}

/** The key as PEM. UserError `config-invalid` when the file cannot be read, or holds none. */
export function readPrivateKey(env: Environment): string {
  let key = env.PRIVATE_KEY ?? "";
  if (env.PRIVATE_KEY_PATH !== undefined) {
    try {
      key = readFileSync(env.PRIVATE_KEY_PATH, "utf8");
    } catch (cause) {
      throw new UserError(
        "config-invalid",
        `PRIVATE_KEY_PATH: expected a readable PEM file, got ${env.PRIVATE_KEY_PATH}`,
        "Point it at the .pem file that GitHub gave you when the key was made.",
        { cause },
      );
    }
  }
  const pem = key.replaceAll("\\n", "\n").trim();
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\s\S]+\n-----END [A-Z ]*PRIVATE KEY-----$/.test(pem)) {
    throw invalidConfig(["PRIVATE_KEY: expected a PEM private key (-----BEGIN … PRIVATE KEY-----)"]);
  }
  return pem;
}
