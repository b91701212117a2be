import { expect, test } from "vitest";
import { describeSettingsChange, type SettingsSide } from "../../src/github/settings-change.ts";
import { toPublicMarkdown } from "../../src/github/outgoing-text.ts";
import { renderConfig } from "../../src/github/settings-render.ts";
import { mergeFiles } from "../support/settings-files.ts";

const serverUrl = "https://git.example";
const repository = { owner: "acme", name: "widgets" };

const config = (files: Parameters<typeof mergeFiles>[0], problems: SettingsSide["problems"] = []) =>
  renderConfig({
    effective: { ...mergeFiles(files), problems },
    repository,
    sha: "a".repeat(40),
    serverUrl,
  });

test("config shows each setting, its value, and the file and line that set it", () => {
  const text = config({
    owner: "limits:\n  budget_usd: 1\n",
    own: 'model: claude-opus-5\nprotected_paths: [infra/, "*.lock"]\npr: { reviewers: [octocat, acme/core] }\n',
  });
  expect(text).toMatch(
    /^\*\*Settings in force\*\* for `acme\/widgets` at `aaaaaaa`\n\n\| Setting \| Value \| Set by \|/,
  );
  const rows = text.split("\n").slice(4);
  expect(rows).toContain(
    `| \`model\` | \`claude-opus-5\` | [\`acme/widgets\`: \`.github/remote-claude.yml\`, line 1](${serverUrl}/acme/widgets/blob/${"a".repeat(40)}/.github/remote-claude.yml#L1) |`,
  );
  expect(rows).toContain(
    `| \`limits.budget_usd\` | \`1\` | [\`acme/.github\`: \`.github/remote-claude.yml\`, line 2](${serverUrl}/acme/.github/blob/${"b".repeat(40)}/.github/remote-claude.yml#L2) |`,
  );
  expect(rows).toContain("| `limits.turns` | `100` | the server's `TASK_MAX_TURNS` |");
  expect(rows).toContain("| `limits.monthly_budget_usd` | none | server default |");
  expect(text).toContain("| `protected_paths` | `.github/workflows/` (always), `infra/`, `*.lock` | [");
  expect(text).toContain("| `pr.reviewers` | `octocat`, `acme/core` | [");
});

test("config says what is wrong with the files", () => {
  const text = config({}, [
    { line: 3, message: "setpu: there is no such key; did you mean setup?" },
    { line: null, message: "acme/.github: its settings could not be read just now; they count as none" },
  ]);
  expect(text).toContain(
    "> ⚠️ The settings files are not as they should be:\n> - line 3: setpu: there is no",
  );
  expect(text).toContain("\n> - acme/.github: its settings could not be read");
});

test("what a person writes into a file stays in its cell, mentions nobody and links nowhere", () => {
  const nasty = "a | b @octocat https://evil.example fixes #1 /claude stop ``` <img src=x>";
  const text = config({ own: `setup: ["${nasty}"]\ntasks: { x: { instruction: "${nasty}" } }\n` }, [
    { line: 1, message: nasty },
  ]);
  for (const row of text.split("\n").filter((line) => line.startsWith("| `")))
    expect(row.split("|")).toHaveLength(5);
  const published = toPublicMarkdown(text, { allowedHosts: ["git.example"] });
  expect(published).not.toContain("](https://evil.example");
  for (const line of text.split("\n")) {
    const bare = line.replaceAll(/(`+)(?:(?!\1).)+\1/g, "");
    expect(bare).not.toMatch(/@octocat|evil\.example|(?<!\\)<img|\/claude/);
  }
});

test("the largest settings fit into a comment, and what does not is counted", () => {
  const tasks = (prefix: string) =>
    `tasks:\n${Array.from({ length: 50 }, (_, n) => `  ${prefix}${n}: { instruction: "${"ü".repeat(400)}", options: { turns: 1, minutes: 2, model: x, draft: true } }\n`).join("")}`;
  const text = config(
    { owner: tasks("o"), own: tasks("w") },
    Array.from({ length: 22 }, () => ({ line: 1, message: "ü".repeat(4_000) })),
  );
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(60_000);
  expect(text).toMatch(/… and \d+ more, which do not fit here\.$/);
  expect(text).toContain("`egress_hosts`");
});

const side = (
  own?: string,
  state: SettingsSide["state"] = own === undefined ? "absent" : "valid",
): SettingsSide => ({
  ...mergeFiles({ owner: "limits: { turns: 7 }", ...(own === undefined ? {} : { own }) }),
  problems: [],
  state,
});

test("a change is told as the settings in force that would be others", () => {
  expect(describeSettingsChange(side("model: a\nsetup: x\n"), side("setup: x\nlimits: { turns: 9 }\n"))).toBe(
    [
      "This pull request changes `.github/remote-claude.yml`, which is valid. After a merge, 2 settings would change:\n",
      "| Setting | Now | After the merge |",
      "| --- | --- | --- |",
      "| `model` | `a` | `claude-sonnet-4-5` |",
      "| `limits.turns` | `7` | `9` |",
    ].join("\n"),
  );
});

test("what only moves to other lines, or says what holds anyway, is no change", () => {
  expect(
    describeSettingsChange(side("model: a\n"), side("# why\n\nmodel: a\nlimits: { turns: 7 }\n")),
  ).toBeNull();
});

test("a file that is taken away, a first one, and a saved task", () => {
  expect(describeSettingsChange(side("model: a\n"), side())).toContain(
    "`. It takes the file away. After a merge, one setting would",
  );
  const task = "tasks: { docs: { instruction: write } }\n";
  expect(describeSettingsChange(side(), side(task))).toContain(
    "| `tasks.docs.instruction` | none | `write` |",
  );
  expect(describeSettingsChange(side(task), side(""))).toContain(
    "| `tasks.docs.instruction` | `write` | none |",
  );
});

test("a file that is not valid changes nothing, and the lines say why", () => {
  const after = {
    ...side("model: a\n", "invalid"),
    problems: [{ line: 2, message: "modle: there is no such key" }],
  };
  expect(describeSettingsChange(side("model: a\n"), after)).toBe(
    "**`.github/remote-claude.yml` of this pull request is not valid.** After a merge, what is in force now would stay:\n\n> - line 2: modle: there is no such key",
  );
});

test("a file that is mended is told, also when nothing in force changes", () => {
  const before = side("model: a\n", "invalid");
  expect(describeSettingsChange(before, side("model: a\n"))).toMatch(
    /mends the file.* No setting in force changes\.$/,
  );
  expect(describeSettingsChange(before, side("model: b\n"))).toMatch(
    /which is valid\. It mends the file.*one setting/,
  );
});

test("texts that differ behind the cut are told apart", () => {
  const long = (end: string) => `review: { instructions: "${"x".repeat(300)}${end}" }\n`;
  expect(describeSettingsChange(side(long("a")), side(long("b")))).toContain("(differs further on) |");
});
