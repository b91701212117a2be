import { UserError } from "../errors.ts";
import type { Sandbox } from "./sandbox.ts";

export type ExpectedTemplate = {
  /** Claude Code of this version or a newer one. */
  claudeVersion: string;
  /** The variable that names the template, and the command that builds it. */
  setting: string;
  build: string;
};

/** Looks into a machine whether its template has what a task needs; rejects with a UserError that says how to build it anew. */
export async function checkTemplate(sandbox: Sandbox, expected: ExpectedTemplate): Promise<void> {
  const result = await sandbox.exec({ argv: ["/bin/sh", "-c", script], timeoutMs: 60_000 });
  const missing = /^missing (.+)$/m.exec(result.stdoutTail)?.[1];
  if (missing !== undefined) throw unfit(expected, `has no ${missing}`);
  const found = /^claude (\d+\.\d+\.\d+)/m.exec(result.stdoutTail)?.[1];
  if (found === undefined) {
    const said = `${result.stdoutTail}${result.stderrTail}`.trim().slice(-200);
    throw unfit(expected, `has a Claude Code that does not tell its version (${said})`);
  }
  if (isOlder(found, expected.claudeVersion)) {
    throw unfit(expected, `has Claude Code ${found}, expected ${expected.claudeVersion} or newer`);
  }
}

const script = `
for tool in claude git tar; do command -v "$tool" >/dev/null || { echo "missing $tool"; exit 0; }; done
printf 'claude %s\\n' "$(claude --version)"`;

function unfit({ setting, build }: ExpectedTemplate, what: string): UserError {
  return new UserError(
    "sandbox-template",
    `The sandbox template (${setting}) ${what}.`,
    `Build it anew with \`${build}\`, and check that ${setting} names the one you built; docs/sandbox-template.md says more.`,
  );
}

function isOlder(found: string, expected: string): boolean {
  const [a, b] = [found, expected].map((version) => version.split(".").map(Number));
  for (const [index, part] of (b ?? []).entries()) {
    const difference = (a?.[index] ?? 0) - part;
    if (difference !== 0) return difference < 0;
  }
  return false;
}
