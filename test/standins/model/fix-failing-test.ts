import { answer, use, type Block, type Call, type Reply, type Scenario } from "./reply.ts";
import { absolute, bash, writeResult } from "./scenarios.ts";

export type Fix = {
  /** Files that are read before anything else, paths in the repository. */
  read: readonly string[];
  /** What the harness's shell runs, before the edits (it must fail) and after them (it must pass). */
  testCommand: string;
  edits: readonly { path: string; oldText: string; newText: string }[];
  /** Said after the files were read and the tests failed. */
  diagnosis: string;
  /** The result file: pull-request title, blank line, sections. */
  result: string;
  /** The last words. */
  summary: string;
};

type TodoState = "pending" | "in_progress" | "completed";

const todos = [
  { content: "Reproduce the failing test", activeForm: "Reproducing the failing test" },
  { content: "Fix the cause", activeForm: "Fixing the cause" },
  { content: "Run all tests again", activeForm: "Running all tests again" },
] as const;

/**
 * Works as a careful agent does: plans, reads, sees the test fail, edits, sees it pass, writes the result file the
 * prompt names, sums up. Ends with an explanation as soon as a step does not go as expected.
 */
export function fixFailingTest(fix: Fix): Scenario {
  const steps = stepsOf(fix);
  return (call) => {
    const problem = findSurprise(call);
    if (problem !== null) return answer(problem);
    return (steps[call.turn] ?? ((): Reply => answer(fix.summary)))(call);
  };
}

function stepsOf(fix: Fix): ((call: Call) => Reply)[] {
  const read = (call: Call) => fix.read.map((path) => use("Read", { file_path: absolute(call, path) }));
  const edit = (call: Call) =>
    fix.edits.map(({ path, oldText, newText }) =>
      use("Edit", { file_path: absolute(call, path), old_string: oldText, new_string: newText }),
    );
  const runTests = bash(fix.testCommand, "Run the test suite");
  return [
    (call) => answer("I'll start by reproducing the failure.", ...plan(call), ...read(call)),
    () => answer(runTests),
    (call) => answer(fix.diagnosis, ...progress(call, 1), ...edit(call)),
    (call) => answer("Now the whole suite again.", ...progress(call, 2), runTests),
    (call) => answer("All tests pass.", ...progress(call, 3), ...writeResult(call, fix.result)),
    () => answer(fix.summary),
  ];
}

/** The first run of the tests (turn 2 sees it) has to fail; everything else has to succeed. */
function findSurprise({ turn, results }: Call): string | null {
  if (turn === 2) {
    return results.some((result) => result.isError)
      ? null
      : "The tests already pass, so there is nothing to fix. I changed nothing.";
  }
  const failed = results.find((result) => result.isError);
  if (failed === undefined) return null;
  return `I stopped because ${failed.name} failed: ${failed.text.slice(0, 500)}`;
}

/** The list as a fresh plan, in whichever todo tool the harness offers: one call for all, or one for each. */
function plan({ tools }: Call): Block[] {
  if (tools.has("TodoWrite")) return [writeTodos(0)];
  if (!tools.has("TaskCreate")) return [];
  return todos.map(({ content, activeForm }) =>
    use("TaskCreate", { subject: content, description: content, activeForm }),
  );
}

/** The list when `done` of its items are finished and the next is under way. */
function progress({ tools }: Call, done: number): Block[] {
  if (tools.has("TodoWrite")) return [writeTodos(done)];
  if (!tools.has("TaskUpdate")) return [];
  const finished = use("TaskUpdate", { taskId: String(done), status: "completed" });
  if (done === todos.length) return [finished];
  return [finished, use("TaskUpdate", { taskId: String(done + 1), status: "in_progress" })];
}

function writeTodos(done: number): Block {
  const stateOf = (index: number): TodoState => {
    if (index < done) return "completed";
    return index === done ? "in_progress" : "pending";
  };
  return use("TodoWrite", { todos: todos.map((todo, index) => ({ ...todo, status: stateOf(index) })) });
}
