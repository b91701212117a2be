import { judgeLicences, licenceExceptions } from "./licence-policy.ts";
import { readLockedPackages } from "./packages.ts";

/** `npm run licences [-- --json]`: what each package of the lock file is licensed under; exits with 1 when one is not on the list. */
function main(): void {
  const findings = judgeLicences(readLockedPackages(new URL("../", import.meta.url)));
  const problems = findings.flatMap(({ problem }) => problem ?? []);
  if (process.argv.includes("--json")) {
    const packages = findings.map(({ package: { name, version, developmentOnly }, licence }) => ({
      ...{ name, version, licence, developmentOnly },
    }));
    process.stdout.write(`${JSON.stringify({ ok: problems.length === 0, packages, problems }, null, 2)}\n`);
  } else {
    process.stdout.write(report(findings));
  }
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}

function report(findings: ReturnType<typeof judgeLicences>): string {
  const counts = new Map<string, { production: number; development: number }>();
  for (const { package: found, licence } of findings) {
    const count = counts.get(licence) ?? { production: 0, development: 0 };
    count[found.developmentOnly ? "development" : "production"] += 1;
    counts.set(licence, count);
  }
  const rows = [...counts]
    .toSorted(([, a], [, b]) => b.production + b.development - (a.production + a.development))
    .map(
      ([licence, { production, development }]) =>
        `${licence.padEnd(32)}${String(production).padStart(12)}${String(development).padStart(13)}\n`,
    );
  const named = Object.entries(licenceExceptions).map(([name, why]) => `  ${name}: ${why}\n`);
  return `${"licence".padEnd(32)}  production  development\n${rows.join("")}\nExceptions by name:\n${named.join("")}`;
}

main();
