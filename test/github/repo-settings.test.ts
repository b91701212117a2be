import fc from "fast-check";
import { z } from "zod";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { readRepoSettings } from "../../src/github/repo-settings.ts";
import { toSettingsProblems } from "../../src/github/repo-settings-problems.ts";
import { repoSettingsFile } from "../../src/github/repo-settings-schema.ts";
import { describedKeys } from "../support/settings-docs.ts";
import { readSettingsYaml } from "../../src/github/repo-settings-yaml.ts";
import { gitRepository, hostGit, type TestFile } from "../support/git-repository.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const path = ".github/remote-claude.yml";
const defaults = { setup: [], setupTimeoutMs: 600_000 };

const bomb = `a: &a [${"x, ".repeat(20)}x]\nb: &b [${"*a, ".repeat(20)}*a]\nsetup: [${"*b, ".repeat(20)}*b]\n`;

/** Reads the settings of a commit with these files, from a bare mirror. */
async function read(files: Record<string, TestFile>) {
  const repository = await gitRepository({ "README.md": "hello\n", ...files });
  const mirrorPath = await temporaryFolder();
  hostGit(mirrorPath, "clone", "--quiet", "--mirror", repository.path, ".");
  return readRepoSettings({ mirrorPath, sha: repository.git("rev-parse", "HEAD") });
}

const readText = (text: string) => read({ [path]: text });

describe("a sound file", () => {
  test.each([
    ["nothing but a comment", "# later\n", defaults],
    ["nothing at all", "", defaults],
    ["null", "null\n", defaults],
    ["one command", "setup: npm ci\n", { ...defaults, setup: ["npm ci"] }],
    [
      "a list and a limit",
      "setup:\n  - npm ci\n  - npm run build\nsetup_timeout_minutes: 2.5\n",
      { setup: ["npm ci", "npm run build"], setupTimeoutMs: 150_000 },
    ],
    [
      "a script of several lines, written on Windows",
      "setup: |\r\n  npm ci\r\n  npm test\r\n",
      { ...defaults, setup: ["npm ci\nnpm test\n"] },
    ],
    ["a byte order mark", "\uFEFFsetup: npm ci\n", { ...defaults, setup: ["npm ci"] }],
    ["an empty list", "setup: []\n", defaults],
  ])("with %s", async (_what, text, settings) => {
    expect(await readText(text)).toMatchObject({ settings, problems: [], path });
  });

  test("that is not there gives the defaults", async () => {
    const { sha, ...found } = await read({ ".github/other.yml": "setup: x" });
    expect(found).toEqual({ settings: defaults, problems: [], path });
    expect(sha).toMatch(/^[0-9a-f]{40}$/);
  });
});

describe("a bad file gives the defaults and says what is wrong, with its line", () => {
  test.each([
    ["a slip in a key", "# x\nsetpu: npm ci\n", 2, "setpu: there is no such key; did you mean setup?"],
    [
      "a key in another style",
      "setup: x\nsetupTimeoutMinutes: 3\n",
      2,
      "setupTimeoutMinutes: there is no such key; did you mean setup_timeout_minutes?",
    ],
    [
      "a key that is like none",
      "\n\ncolour: red\n",
      3,
      /^colour: there is no such key; expected one of triggers, model, .*, tasks$/,
    ],
    ["a key with signs in it", '"@acme/team": 1\n', 1, /^"@acme\/team": there is no such key/],
    [
      "a command that is none",
      "setup:\n  - npm ci\n  - 5\n",
      3,
      /^setup\[1\]: expected a shell command.*got 5$/,
    ],
    ["an empty command", 'setup: "  "\n', 1, /^setup\[0\]: expected a shell command.* got " {2}"$/],
    ["a NUL", 'setup: "a\\0b"\n', 1, /^setup\[0\]: expected .* got "a\\u0000b"$/],
    [
      "a mapping of commands",
      "setup:\n  run: npm ci\n",
      2,
      /^setup: expected a shell command.*got a mapping$/,
    ],
    ["null for commands", "setup:\n", 1, /^setup: expected a shell command.*got nothing$/],
    [
      "too many commands",
      `setup:\n${"  - x\n".repeat(21)}`,
      2,
      /^setup: expected .*at most 20.* got a list of 21$/,
    ],
    ["a long command", `setup: ${"x".repeat(8_001)}\n`, 1, /… \(8001 characters\)$/],
    [
      "too long a limit",
      "setup_timeout_minutes: 45\n",
      1,
      "setup_timeout_minutes: expected a number of minutes up to 30, got 45",
    ],
    ["no limit", "setup_timeout_minutes: 0\n", 1, /expected a number of minutes up to 30, got 0$/],
    ["a limit without end", "setup_timeout_minutes: .inf\n", 1, /^setup_timeout_minutes: expected/],
    ["words for a limit", "setup_timeout_minutes: ten\n", 1, /got "ten"$/],
    ["a list", "- setup\n", 1, "expected a mapping of keys to values, got a list of 1"],
    ["a sentence", "npm ci\n", 1, 'expected a mapping of keys to values, got "npm ci"'],
    ["tabs", "setup:\n\t- npm ci\n", 2, /^expected YAML, got: Tabs/],
    ["an open quote", 'setup: x\nb: "y\n', 3, /^expected YAML, got: Missing closing/],
    ["a key twice", "setup: a\nsetup: b\n", 2, /^expected YAML, got: Map keys must be unique/],
    [
      "two documents",
      "setup: a\n---\nsetup: b\n",
      2,
      /^expected YAML, got: Source contains multiple documents/,
    ],
    ["an alias", "setup: &a npm ci\nb: *a\n", 2, /^expected values as they are, got the alias \*a; write/],
    ["a tag", "setup: !!js/function x\n", 1, /^expected YAML, got: Unresolved tag/],
    ["a merge key", "<<: {setup: x}\n", 1, /^"<<": there is no such key/],
    ["a prototype", "__proto__: {setup: x}\n", 1, /^__proto__: there is no such key/],
    ["bytes", Buffer.from([0x73, 0xff, 0xfe]), 1, "expected text in UTF-8, got other bytes"],
    ["a link", { link: "../README.md" }, 1, "expected a file, got a link, folder or submodule"],
    [
      "one megabyte",
      `# ${"x".repeat(1_000_000)}`,
      1,
      /^expected a file of at most 65536 bytes, got 1000002$/,
    ],
    ["a cycle", "setup: &a [*a]\n", 1, /^expected values as they are, got the alias \*a/],
    ["an anchor's bomb", bomb, 2, /^expected values as they are, got the alias \*a/],
    ["a list for a mapping", "limits: []\n", 1, "limits: expected a mapping of limits, got a list of 0"],
    [
      "a slip in a key within",
      "limits:\n  turns: 3\n  budget: 5\n",
      3,
      "limits.budget: there is no such key; did you mean budget_usd?",
    ],
    [
      "a key of another mapping",
      "triggers:\n  draft: true\n",
      2,
      /^triggers\.draft: there is no such key; expected one of label/,
    ],
    [
      "a yes for true",
      "triggers: { autofix: yes }\n",
      1,
      /^triggers\.autofix: expected true to repair .* got "yes"$/,
    ],
    [
      "a role that is no writer",
      "triggers:\n  roles:\n    - write\n    - triage\n",
      4,
      /^triggers\.roles\[1\]: expected a list out of write, maintain and admin, got "triage"$/,
    ],
    [
      "nobody at all",
      "triggers: { roles: [] }\n",
      1,
      /^triggers\.roles: expected a list out of .* got a list of 0$/,
    ],
    [
      "an App by its name",
      "triggers: { apps: [dependabot] }\n",
      1,
      /^triggers\.apps\[0\]: expected .* numeric user ids/,
    ],
    ["a model with a space", "model: claude opus\n", 1, /^model: expected the name of a Claude model/],
    [
      "a budget of nothing",
      "limits: { budget_usd: 0 }\n",
      1,
      /^limits\.budget_usd: expected dollars from 0\.01 to 1000/,
    ],
    ["a budget in words", "limits: { budget_usd: $5 }\n", 1, /got "\$5"$/],
    [
      "parts of a cent",
      "limits: { monthly_budget_usd: 1.005 }\n",
      1,
      /^limits\.monthly_budget_usd: expected dollars/,
    ],
    [
      "half a turn",
      "limits: { turns: 1.5 }\n",
      1,
      /^limits\.turns: expected a whole number of model turns from 1 to 1000, got 1\.5$/,
    ],
    [
      "a day",
      "limits: { minutes: 1440 }\n",
      1,
      /^limits\.minutes: expected a number of minutes from 1 to 360, got 1440$/,
    ],
    [
      "a branch of somebody else",
      "branch: feature/{issue}\n",
      1,
      /^branch: expected a branch name that begins with claude\/, .* got "feature\/\{issue\}"$/,
    ],
    ["one branch for all issues", "branch: claude/{slug}\n", 1, /^branch: expected .* has \{issue\} in it/],
    [
      "a reviewer with an @",
      "pr: { reviewers: ['@octocat'] }\n",
      1,
      /^pr\.reviewers\[0\]: expected a list of at most 15 logins/,
    ],
    [
      "a template outside",
      "pr: { template: ../secret }\n",
      1,
      /^pr\.template: expected the path of a file in the repository/,
    ],
    [
      "an address for a host",
      "egress_hosts:\n  - https://example.org\n",
      2,
      /^egress_hosts\[0\]: expected .* host names/,
    ],
    [
      "an IP address for a host",
      "egress_hosts: [169.254.169.254]\n",
      1,
      /^egress_hosts\[0\]: expected .* host names/,
    ],
    ["every host", "egress_hosts: ['*']\n", 1, /^egress_hosts\[0\]: expected/],
    [
      "paths that are given free",
      "protected_paths: ['!infra/']\n",
      1,
      /^protected_paths\[0\]: expected .* patterns as in \.gitignore/,
    ],
    ["a laborious pattern", "protected_paths: ['*a*a*a*']\n", 1, /^protected_paths\[0\]: expected/],
    [
      "a saved task's name",
      "tasks:\n  Change Log: { instruction: x }\n",
      2,
      'tasks: expected a name of small letters, digits and -, at most 40 characters, got "Change Log"',
    ],
    [
      "a saved task as a sentence",
      "tasks:\n  docs: write\n",
      2,
      /^tasks\.docs: expected a mapping with an instruction.* got "write"$/,
    ],
    [
      "a saved task without words",
      "tasks:\n  docs: { options: { turns: 1 } }\n",
      2,
      /^tasks\.docs\.instruction: expected a text .* got nothing$/,
    ],
    [
      "a saved task's option",
      "tasks:\n  docs:\n    instruction: x\n    options:\n      turn: 1\n",
      5,
      "tasks.docs.options.turn: there is no such key; did you mean turns?",
    ],
    [
      "too many saved tasks",
      `tasks:\n${Array.from({ length: 51 }, (_, n) => `  t${n}: { instruction: x }\n`).join("")}`,
      2,
      /^tasks: expected a mapping of at most 50 names to saved tasks, got a mapping$/,
    ],
    ["too many bytes", `# ${"x".repeat(65_536)}`, 1, "expected a file of at most 65536 bytes, got 65538"],
  ] as const)("%s", async (_what, content, line, message) => {
    const { settings, problems } = await read({ [path]: content });
    expect(settings).toEqual(defaults);
    const expected: unknown = typeof message === "string" ? message : expect.stringMatching(message);
    expect(problems[0]).toEqual({ line, message: expected });
  });

  test("a folder in its place", async () => {
    const { problems } = await read({ [`${path}/x`]: "x" });
    expect(problems).toMatchObject([{ line: 1, message: /link, folder/ }]);
  });

  test("the other ending", async () => {
    const { problems } = await read({ ".github/remote-claude.yaml": "setup: x" });
    expect(problems).toMatchObject([{ line: 1, message: /rename it$/ }]);
  });

  test("many problems are cut, and counted", async () => {
    const { problems } = await readText(Array.from({ length: 40 }, (_, at) => `wrong${at}: 1`).join("\n"));
    expect(problems).toHaveLength(11);
    expect(problems[10]).toEqual({ line: 11, message: "30 more" });
  });

  test("several things wrong are said in one go", async () => {
    const { problems } = await readText("setup: 5\nsetup_timeout_minutes: x\n");
    expect(problems.map(({ line }) => line)).toEqual([1, 2]);
  });
});

test("a commit that is not there is an error, and what is no commit is never an option of git", async () => {
  const repository = await gitRepository();
  const input = { mirrorPath: repository.path };
  await expect(readRepoSettings({ ...input, sha: "0".repeat(40) })).rejects.toThrow("git ls-tree");
  await expect(readRepoSettings({ ...input, sha: "--help" })).rejects.toThrow("expected a commit's id");
});

test("only the commit counts, not what the branch has by now", async () => {
  const repository = await gitRepository({ [path]: "setup: npm ci\n" });
  const sha = repository.git("rev-parse", "HEAD");
  await repository.commit({ [path]: "setup: curl evil.example\n" });
  const { settings } = await readRepoSettings({ mirrorPath: repository.path, sha });
  expect(settings.setup).toEqual(["npm ci"]);
});

const size = 64 * 1024;
const hard: readonly [string, string][] = [
  ...[
    "[",
    "{",
    "- ",
    "? ",
    "a: ",
    "[{",
    "- a: ",
    "*a\n",
    "&a ",
    '"',
    "]",
    "a: }",
    ",",
    ":\n",
    "-\n",
    "%\n",
  ].map((part): [string, string] => [JSON.stringify(part), part.repeat(size / part.length)]),
  ["keys", Array.from({ length: 9_000 }, (_, at) => `k${at}:`).join("\n")],
  ["keys in braces", `{${Array.from({ length: 9_000 }, (_, at) => `k${at}`).join(",")}}`],
  ["indents", Array.from({ length: 350 }, (_, at) => `${" ".repeat(at)}a:`).join("\n")],
  ["escapes", `"${"\\u".repeat(size / 2)}`],
  ["aliases of aliases", "a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n"],
];

test.each(hard)("64 KiB of %s take little time and no more stack than there is", (_what, text) => {
  readSettingsYaml("a: b");
  const before = process.cpuUsage();
  expect(readSettingsYaml(text)).toMatchObject({ ok: false });
  const { user } = process.cpuUsage(before);
  expect(user / 1_000).toBeLessThan(1_000);
});

test("whatever the text, there is an answer, and a line that the text has", () => {
  const piece = fc.constantFrom(
    "setup",
    ":",
    " ",
    "\n",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "*a",
    "&a",
    "!",
    "'",
    '"',
    "|",
    "#",
    "%",
    "\t",
    "\0",
    "é",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.array(piece, { maxLength: 60 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (source) => {
      const read = readSettingsYaml(source);
      const lineCount = source.split(/\r\n|\r|\n/).length;
      const parsed = read.ok ? repoSettingsFile.safeParse(read.value ?? {}) : null;
      const problems = read.ok
        ? parsed?.error === undefined
          ? []
          : toSettingsProblems(repoSettingsFile, parsed.error, read)
        : read.problems;
      for (const { line } of problems) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lineCount);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("keys of mappings within are explained as well", () => {
  const schema = z.strictObject({
    limits: z.strictObject({ budget_usd: z.number().describe("an amount in dollars") }).optional(),
  });
  const read = readSettingsYaml("limits:\n  budget_usd: much\n  budgetUSD: 3\n");
  if (!read.ok) throw new Error("expected sound YAML");
  const { error } = schema.safeParse(read.value);
  expect(error === undefined ? [] : toSettingsProblems(schema, error, read)).toEqual([
    { line: 2, message: 'limits.budget_usd: expected an amount in dollars, got "much"' },
    { line: 3, message: "limits.budgetUSD: there is no such key; did you mean budget_usd?" },
  ]);
});

test("docs/repository-settings.md has every key, with what it may be", async () => {
  const page = await readFile(new URL("../../docs/repository-settings.md", import.meta.url), "utf8");
  const flat = page.replaceAll("\\*", "*").replaceAll(/\s+/g, " ");
  const missing = describedKeys().filter(([key, about]) => !flat.includes(`| \`${key}\` | ${about} |`));
  expect(missing).toEqual([]);
});

test("the example of docs/repository-settings.md is a valid file with every key", async () => {
  const page = await readFile(new URL("../../docs/repository-settings.md", import.meta.url), "utf8");
  const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const read = readSettingsYaml(example);
  if (!read.ok) throw new Error("expected sound YAML");
  const file = repoSettingsFile.parse(read.value);
  expect(Object.keys(file).sort()).toEqual(Object.keys(repoSettingsFile.shape).sort());
});
