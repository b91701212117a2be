import type { IncomingMessage } from "node:http";

const knownHeaders = new Set([
  "x-api-key",
  "x-app",
  "x-claude-code-session-id",
  "x-claude-code-agent-id",
  "x-claude-code-parent-agent-id",
  "x-stainless-arch",
  "x-stainless-helper-method",
  "x-stainless-lang",
  "x-stainless-os",
  "x-stainless-package-version",
  "x-stainless-retry-count",
  "x-stainless-runtime",
  "x-stainless-runtime-version",
  "x-stainless-timeout",
]);

/** What is wrong with the headers of a Messages API request, each in one sentence. */
export function findHeaderViolations(request: IncomingMessage): string[] {
  const problems = Object.keys(request.headers)
    .filter((name) => name.startsWith("x-") && !knownHeaders.has(name))
    .map((name) => `unknown header ${name}`);
  const version = request.headers["anthropic-version"];
  if (version !== "2023-06-01") {
    problems.push(`anthropic-version: expected 2023-06-01, got ${String(version)}`);
  }
  const type = request.headers["content-type"] ?? "none";
  if (!type.startsWith("application/json"))
    problems.push(`content-type: expected application/json, got ${type}`);
  return problems;
}

/** The credential a request carries: x-api-key, or the bearer token of Authorization; null without one. */
export function readKey(request: IncomingMessage): string | null {
  const key = request.headers["x-api-key"];
  if (typeof key === "string" && key !== "") return key;
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? null;
}
