import { expect, test } from "vitest";
import { createHandedReader } from "../../src/sessions/handed-lines.ts";

const taken = (...ids: string[]) => ({
  type: "system",
  subtype: "hook_response",
  hook_event: "PostToolBatch",
  outcome: "success",
  stderr: ids.map((id) => `taken ${id}\n`).join(""),
});
const said = (id: string, more: object = {}) => ({
  type: "assistant",
  message: { id, model: "claude-sonnet-4-5", content: [] },
  parent_tool_use_id: null,
  ...more,
});

function read(lines: readonly (object | string)[], inPrompt: readonly string[] = []): (readonly string[])[] {
  const handed: (readonly string[])[] = [];
  const line = createHandedReader({ inPrompt, onHanded: (ids) => handed.push(ids) });
  for (const each of lines) line(typeof each === "string" ? each : JSON.stringify(each));
  return handed;
}

test("a message is handed once the model has answered to a further call", () => {
  expect(read([said("m1"), taken("a", "b"), said("m2"), said("m2"), said("m3")])).toEqual([["a", "b"]]);
});

test("what stood in the prompt is handed with the first answer", () => {
  expect(read([said("m1")], ["a"])).toEqual([["a"]]);
});

const proofless: [string, object | string][] = [
  ["no further answer", 'not JSON, and it says "assistant"'],
  ["a later block of the same answer", said("m1")],
  ["a sub-agent's answer", said("m2", { parent_tool_use_id: "toolu_1" })],
  ["the harness's own words", said("m2", { message: { id: "m2", model: "<synthetic>", content: [] } })],
  ["an error of the API", said("m2", { is_api_error_message: true })],
  ["a result", { type: "result", subtype: "success" }],
];
test.each(proofless)("%s proves nothing", (_, line) => {
  expect(read([said("m1"), taken("a"), line])).toEqual([]);
});

const untaken: [string, object][] = [
  ["a hook that failed", { ...taken("a"), outcome: "error" }],
  ["a hook of another event", { ...taken("a"), hook_event: "PreToolUse" }],
  ["a hook that took nothing", taken()],
  ["other words on stderr", { ...taken(), stderr: "mistaken a\ntaken a b\n" }],
];
test.each(untaken)("%s hands nothing over", (_, line) => {
  expect(read([said("m1"), line, said("m2")])).toEqual([]);
});
