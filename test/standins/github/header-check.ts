import type { IncomingHttpHeaders } from "node:http";

const versions = ["2022-11-28", "2026-03-10"];
const media =
  /^(\*\/\*|application\/(\*|json|vnd\.github(\.v3)?(\.(raw|html|text|full|diff|patch|sha|object|base64))?(\+json)?))$/;

/** What is wrong with the headers that GitHub gives a meaning. */
export function headerProblems(headers: IncomingHttpHeaders): string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    const isGitHubs = name.startsWith("x-github-") || name.startsWith("x-hub-");
    if (isGitHubs && name !== "x-github-api-version")
      problems.push(`header ${name} has no meaning in a request`);
    if (name === "x-github-api-version" && !versions.includes(String(value))) {
      problems.push(`header ${name}: expected one of ${versions.join(", ")}, got ${String(value)}`);
    }
  }
  for (const part of (headers.accept ?? "*/*").split(",")) {
    const type = part.split(";")[0]?.trim() ?? "";
    if (!media.test(type)) problems.push(`header accept: expected a media type of GitHub, got ${type}`);
  }
  const type = headers["content-type"]?.split(";")[0]?.trim();
  if (type !== undefined && type !== "application/json") {
    problems.push(`header content-type: expected application/json, got ${type}`);
  }
  return problems;
}
