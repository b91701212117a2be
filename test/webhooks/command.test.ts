import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderHelp, verbTable } from "../../src/webhooks/command-verbs.ts";
import { mayHoldCommand } from "../../src/webhooks/command-trigger.ts";
import { parseCommand, type ParsedCommand } from "../../src/webhooks/command.ts";

const command = (fields: object) => ({ kind: "command", options: {}, instruction: "", ...fields });
const implement = (instruction: string, options: object = {}) =>
  command({ verb: "implement", instruction, options });
const none = { kind: "none" };
const suggests = (suggestion: string) =>
  expect.objectContaining({ kind: "suggestion", suggestion }) as object;
const refuses = (reason: RegExp) => ({ kind: "invalid", reason: expect.stringMatching(reason) as string });

const table: Record<string, [body: string, expected: object][]> = {
  "what triggers": [
    ["/claude fix the flaky login test", implement("fix the flaky login test")],
    ["/claude add a test", implement("add a test")],
    ["Thanks!\n\n   /claude add a test", implement("add a test")],
    ["- a list\n/claude go on", implement("go on")],
    ["- a list\n\n  /claude go on", implement("go on")],
    ["/claude add\u00A0a test", implement("add\u00A0a test")],
    ["/claude\u00A0add a test", implement("add a test")],
    ["/Claude Stop\r\nthanks", command({ verb: "stop", instruction: "thanks" })],
    ["/claude add a heading\n---", implement("add a heading\n---")],
    ["<details>\n\n/claude add a test\n\n</details>", implement("add a test\n\n</details>")],
    ["[x]: /url\n/claude add a test", implement("add a test")],
  ],
  "what does not": [
    ["", none],
    ["no command", none],
    ["please /claude fix it", none],
    ["/claude-foo fix it", none],
    ["/claudette fix it", none],
    ["/claude/settings.json", none],
    ["    /claude fix it", none],
    ["\t/claude fix it", none],
    ["> /claude fix it", none],
    ["> quoted\n/claude fix it", none],
    [">> a\n> /claude fix it", none],
    ["```\n/claude fix it\n```", none],
    ["~~~~\n/claude fix it\n~~~\n/claude fix it", none],
    ["- a\n\n      /claude fix it", none],
    ["- ```\n  /claude fix it\n  ```", none],
    ["`a\n/claude fix it`", none],
    ["<!-- a\n\n/claude fix it -->", none],
    ["<!-- never closed\n\n/claude fix it", none],
    ["<div>\n/claude fix it\n</div>", none],
    ["<pre>\n\n/claude fix it\n</pre>", none],
    ["<blockquote>\n\n/claude fix it\n\n</blockquote>", none],
    ["<script>\n\n/claude fix it\n</script>", none],
    ["text <b title='\n/claude fix it'>", none],
    ["/cl\u200Baude fix it", none],
  ],
  "which of several": [
    ["```\n/claude a\n```\n/claude add b", implement("add b")],
    ["<!-- <blockquote> -->\n\n/claude add b", implement("add b")],
    ["<blockquote>a</blockquote>\n\n/claude add b", implement("add b")],
    ["/claude add a\n/claude stop", implement("add a\n/claude stop")],
    ["/claude stop\n/claude add b", command({ verb: "stop", instruction: "/claude add b" })],
  ],
  "instructions byte for byte": [
    [
      "/claude run `$(rm -rf /)` \"a\" 'b' \\\n\n  $HOME\t;\r\n<!-- x -->",
      implement("run `$(rm -rf /)` \"a\" 'b' \\\n\n  $HOME\t;\r\n<!-- x -->"),
    ],
    ["/claude\n    indented code\nend  \n", implement("    indented code\nend")],
    ["/claude \u202Eright to left \u{E0041}\u200D", implement("\u202Eright to left \u{E0041}\u200D")],
    ["/claude fix\n\nthe second line", implement("fix the second line")],
    ["/claude a\0b", refuses(/NUL/)],
    ["/claude half \uD800", refuses(/surrogate/)],
  ],
  verbs: [
    ["/claude fix", implement("")],
    ["/claude implement", implement("")],
    ["/claude Implement it", implement("Implement it")],
    [
      "/claude run nightly --max-turns 4",
      command({ verb: "run", name: "nightly", options: { maxTurns: 4 } }),
    ],
    [
      "/claude run --draft nightly --max-turns 4",
      command({ verb: "run", name: "nightly", options: { draft: true, maxTurns: 4 } }),
    ],
    ["/claude run nightly --max-turns none", refuses(/whole number/)],
    ["/claude run nightly --max-turns 4 please", implement("run nightly --max-turns 4 please")],
    ["/claude run the tests --max-turns 4", implement("run the tests --max-turns 4")],
    ["/claude ask why?", command({ verb: "ask", instruction: "why?" })],
    ["/claude ask\nwhy?", command({ verb: "ask", instruction: "why?" })],
    ["/claude ask", refuses(/ask <question>/)],
    ["/claude plan", command({ verb: "plan" })],
    ["/claude plan the move", command({ verb: "plan", instruction: "the move" })],
    ["/claude approve", command({ verb: "approve", sha: null })],
    ["/claude approve ABCDEF1", command({ verb: "approve", sha: "abcdef1" })],
    ["/claude approve abcdef", implement("approve abcdef")],
    ["/claude review", command({ verb: "review" })],
    ["/claude rebase", command({ verb: "rebase" })],
    ["/claude rebase --model opus", command({ verb: "rebase", options: { model: "opus" } })],
    ["/claude fix-ci", command({ verb: "fix-ci" })],
    ["/claude fix-ci only lint", command({ verb: "fix-ci", instruction: "only lint" })],
    ["/claude stop", command({ verb: "stop" })],
    ["/claude retry", command({ verb: "retry" })],
    ["/claude status", command({ verb: "status" })],
    ["/claude undo", command({ verb: "undo", turns: 1 })],
    ["/claude undo 3", command({ verb: "undo", turns: 3 })],
    ["/claude undo 0", refuses(/1 to 50/)],
    ["/claude undo 51", refuses(/1 to 50/)],
    ["/claude budget +2", command({ verb: "budget", addMicroUsd: 2_000_000 })],
    ["/claude budget +$0.5", command({ verb: "budget", addMicroUsd: 500_000 })],
    ["/claude budget 2", refuses(/budget \+2/)],
    ["/claude budget +0", refuses(/0\.01/)],
    ["/claude budget +1000.01", refuses(/1000/)],
    ["/claude budget", refuses(/budget \+2/)],
    ["/claude autofix on", command({ verb: "autofix", on: true })],
    ["/claude autofix OFF", command({ verb: "autofix", on: false })],
    ["/claude autofix", refuses(/`on` or `off`/)],
    ["/claude config", command({ verb: "config" })],
    ["/claude why", command({ verb: "why" })],
    ["/claude save deps-bump", command({ verb: "save", name: "deps-bump" })],
    ["/claude run deps-bump", command({ verb: "run", name: "deps-bump" })],
    [
      "/claude run --budget 1 deps-bump",
      command({ verb: "run", name: "deps-bump", options: { budgetMicroUsd: 1_000_000 } }),
    ],
    ["/claude run", refuses(/name/)],
    ["/claude tasks", command({ verb: "tasks" })],
    ["/claude help", command({ verb: "help" })],
    ["/claude", refuses(/what to do/)],
    ["/claude --model opus", refuses(/what to do/)],
  ],
  "words that are no verb": [
    ["/claude stop the flaky test from failing", implement("stop the flaky test from failing")],
    ["/claude status badge is broken", implement("status badge is broken")],
    ["/claude undo the last migration", implement("undo the last migration")],
    ["/claude run the tests", implement("run the tests")],
    ["/claude save my work", implement("save my work")],
    ["/claude retry the upload on failure", implement("retry the upload on failure")],
    ["/claude preview the page", implement("preview the page")],
    ["/claude mask the password", implement("mask the password")],
    ["/claude help users find the page", implement("help users find the page")],
    ["/claude -- stop please", implement("stop please")],
    ["/claude --model opus -- --dry-run is missing", implement("--dry-run is missing", { model: "opus" })],
    ["/claude release", implement("release")],
  ],
  slips: [
    ["/claude stpo", suggests("/claude stop")],
    ["/claude sotp", suggests("/claude stop")],
    ["/claude stop please", suggests("/claude stop")],
    ["/claude stop!", suggests("/claude stop")],
    ["/claude cancel", suggests("/claude stop")],
    ["/claude lgtm", suggests("/claude approve")],
    ["/claude aprove", suggests("/claude approve")],
    ["/claude aprove abcdef1", suggests("/claude approve abcdef1")],
    ["/claude staus", suggests("/claude status")],
    ["/claude rebaes", suggests("/claude rebase")],
    ["/claude aks why is it slow", suggests("/claude ask why is it slow")],
    ["/claude revew the change", suggests("/claude review the change")],
    ["/claude: add a test", suggests("/claude add a test")],
    ["/claude, add a test", suggests("/claude add a test")],
    ["/claude —model opus add a test", suggests("/claude --model opus add a test")],
    ["/claude --model opus review it", suggests("/claude review --model opus it")],
    ["/claude --model opus stop", suggests("/claude stop")],
  ],
  options: [
    ["/claude --model claude-opus-4-1 add it", implement("add it", { model: "claude-opus-4-1" })],
    ["/claude --model=opus add it", implement("add it", { model: "opus" })],
    ['/claude fix --model "opus" it', implement("fix it", { model: "opus" })],
    ["/claude --BASE 'release/1.x' add it", implement("add it", { base: "release/1.x" })],
    ["/claude --budget 2.50 add it", implement("add it", { budgetMicroUsd: 2_500_000 })],
    ["/claude --budget $2 add it", implement("add it", { budgetMicroUsd: 2_000_000 })],
    ["/claude --max-turns 20 add it", implement("add it", { maxTurns: 20 })],
    ["/claude --timeout 45 add it", implement("add it", { timeoutMs: 2_700_000 })],
    ["/claude --timeout 2h add it", implement("add it", { timeoutMs: 7_200_000 })],
    ["/claude --new --no-pr add it", implement("add it", { newSession: true, noPullRequest: true })],
    ["/claude --draft add it", implement("add it", { draft: true })],
    ["/claude --ready\nadd it", implement("add it", { draft: false })],
    ["/claude add it --model opus", implement("add it --model opus")],
    ["/claude --modle opus add it", refuses(/`--modle` is not an option/)],
    ["/claude ask --no-pr why", refuses(/no meaning/)],
    ["/claude stop --now", refuses(/takes no options/)],
    ["/claude --model", refuses(/model name/)],
    ["/claude --model --new add", refuses(/model name/)],
    ['/claude --model "unclosed add it', refuses(/model name/)],
    ["/claude --model= opus add it", refuses(/model name/)],
    ["/claude --new=yes add it", refuses(/no value/)],
    ["/claude --model $(id) add it", refuses(/model name/)],
    ["/claude --base -x add it", refuses(/branch/)],
    ["/claude --base a..b add it", refuses(/branch/)],
    ["/claude --budget 0 add it", refuses(/0\.01/)],
    ["/claude --budget 1001 add it", refuses(/1000/)],
    ["/claude --max-turns 0 add it", refuses(/1 to 1000/)],
    ["/claude --timeout 7h add it", refuses(/6 hours/)],
    ["/claude --draft --ready add it", refuses(/exclude/)],
    ["/claude --model a --model b add it", refuses(/twice/)],
  ],
};

for (const [topic, rows] of Object.entries(table)) {
  describe(topic, () => {
    test.each(rows)("%j", (body, expected) => {
      expect(parseCommand(body)).toEqual(expected);
    });
  });
}

const verbs = [...verbTable.keys()];

test("help names every verb and option", () => {
  for (const verb of verbs) expect(renderHelp()).toContain(`/claude ${verb}`);
  expect(renderHelp()).toContain("`--max-turns <n>`");
});

const words = fc.oneof(
  fc.constantFrom(
    ...verbs,
    "/claude",
    "--model",
    "--budget",
    "2",
    "please",
    "`",
    "```",
    ">",
    "-",
    "1.",
    "<!--",
    "-->",
    "<pre>",
    "\n",
    "\r\n",
    "\t",
    "    ",
    "[",
    "]",
    "*",
    "\u200B",
    "\0",
    "\uD800",
    "$(id)",
    "\\",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const comment = fc.array(words, { maxLength: 60 }).map((parts) => parts.join(" "));

test("any comment is parsed in bounded time, and the instruction is a piece of it", () => {
  fc.assert(
    fc.property(comment, (body) => {
      const since = performance.now();
      const parsed = parseCommand(body);
      expect(performance.now() - since).toBeLessThan(250);
      if (parsed.kind !== "none") expect(mayHoldCommand(body)).toBe(true);
      if (parsed.kind === "command") expect(isPieceOf(parsed, body)).toBe(true);
    }),
    { numRuns: 1_500 },
  );
});

/** But for "fix" and "implement", which are kept from in front of the options. */
function isPieceOf(parsed: ParsedCommand & { kind: "command" }, body: string): boolean {
  return body.includes(parsed.instruction.replace(/^(?:fix|implement) /i, ""));
}

test("every instruction arrives byte for byte", () => {
  const text = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 200 })
    .map((value) => `add ${value}`.trimEnd());
  fc.assert(
    fc.property(text, (instruction) => {
      expect(parseCommand(`/claude ${instruction}`)).toEqual(implement(instruction));
    }),
    { numRuns: 500 },
  );
});

test("nothing within a fence, a quote or a comment triggers", () => {
  const line = fc.string({ maxLength: 40 }).map((value) => value.replaceAll(/[\r\n`]|-->/g, ""));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const inner = [...lines, "/claude stop", ...lines];
      expect(parseCommand(["````", ...inner, "````"].join("\n"))).toEqual(none);
      expect(parseCommand(inner.map((text) => `> ${text}`).join("\n"))).toEqual(none);
      expect(parseCommand(["<!--", ...inner, "-->"].join("\n"))).toEqual(none);
    }),
    { numRuns: 300 },
  );
});

const longest = 65_536;
const fill = (unit: string) => unit.repeat(Math.ceil(longest / unit.length)).slice(0, longest - 20);

test.each([
  ">",
  "- ",
  "1. ",
  "[",
  "![a](",
  "*a_ ",
  "`a ``b ",
  "<",
  "<!--",
  "&",
  "|a",
  "a\n=\n",
  "a\n",
  "# a\n",
  "> a\nb\n",
  "/claude\n",
  "> a\n/claude\n",
  "<a ",
])("65,536 characters of %j in front of a command end soon", (unit) => {
  const cpu = process.cpuUsage();
  parseCommand(`${fill(unit)}\n\n/claude add it`);
  const { user, system } = process.cpuUsage(cpu);
  expect((user + system) / 1_000).toBeLessThan(2_000);
});

test("a comment without the word never reaches the parser", () => {
  const since = performance.now();
  expect(parseCommand(fill("> - [a](*`<b "))).toEqual(none);
  expect(performance.now() - since).toBeLessThan(100);
});
