import type { Guard } from "../guard.ts";

const steps = { group: "steps", promise: "P5", tests: ["test/tasks/steps.test.ts"] } as const;
const store = { ...steps, file: "src/tasks/step-store.ts" } as const;
const run = { ...steps, file: "src/tasks/steps.ts" } as const;
const fence = { ...steps, file: "src/tasks/fence-store.ts" } as const;
const claim = {
  ...steps,
  file: "src/tasks/claim-store.ts",
  tests: ["test/tasks/claim-store.test.ts"],
} as const;

/** Nothing takes effect twice. */
export const stepGuards: readonly Guard[] = [
  {
    ...store,
    name: "a step is begun under the newest fence",
    source: "const [, [row]] = await Promise.all([\n    assertFence(tx, holder),",
    without: "const [, [row]] = await Promise.all([\n    null,",
  },
  {
    ...store,
    name: "a step is recorded under the newest fence",
    source: "  await Promise.all([\n    assertFence(tx, holder),",
    without: "  await Promise.all([",
  },
  {
    ...store,
    name: "a recorded step is not done again",
    source: 'if (row?.status === "done") return { done: true, result: row.result };',
    without: "",
  },
  {
    ...store,
    name: "an earlier holder may be at it",
    source:
      'if (row !== undefined && row.fence !== holder.fence && row.ageMs < handoverMs) return "somebody-is-at-it";',
    without: "",
  },
  {
    ...store,
    name: "an effect may stand",
    source: "mayStand: row !== undefined",
    without: "mayStand: false",
  },
  {
    ...run,
    name: "looked up before it is done",
    source: "result = await input.find();",
    without: "result = null;",
  },
  {
    ...run,
    name: "the fence right before the effect",
    source: "if (result === null) await inAccount((tx) => assertFence(tx, holder));",
    without: "",
  },
  {
    ...run,
    name: "an effect is recorded",
    source: "await inAccount((tx) => finishStep(tx, holder, { name: input.name, result }));",
    without: "",
  },
  {
    ...fence,
    name: "a task changes under the newest fence",
    source: "eq(task.fence, input.fence), isNull(task.finishedAt)",
    without: "isNull(task.finishedAt)",
  },
  {
    ...fence,
    name: "a task that has ended stays as it is",
    source: ", isNull(task.finishedAt)",
    without: "",
  },
  {
    ...fence,
    name: "an old fence is an error",
    source: '.for("share");\n  if (rows.length === 0) throw fencedError(input);',
    without: '.for("share");\n  void rows;',
  },
  {
    ...claim,
    name: "a claim raises the fence",
    source: "fence: sql`${task.fence} + 1`",
    without: "fence: sql`${task.fence}`",
  },
  {
    ...claim,
    name: "an ended task is not claimed",
    source: "if (found.finishedAt !== null) return",
    without: "if (false) return",
  },
  {
    ...claim,
    name: "a waiting task is not claimed",
    source: 'if (found.status === "waiting") return',
    without: "if (false) return",
  },
  {
    ...claim,
    name: "a stopped task is not claimed",
    source: "if (found.cancelRequestedAt !== null) return",
    without: "if (false) return",
  },
  {
    ...claim,
    name: "an account's tasks at once",
    source: 'busy >= slots.n ? "account-full" : ',
    without: "",
  },
  {
    ...claim,
    name: "three failures",
    source: "if (failures >= maxFailures) return",
    without: "if (false) return",
  },
  {
    ...claim,
    name: "a death without progress counts",
    source: "found.failures + ((await diedWithoutProgress(tx, found)) ? 1 : 0)",
    without: "found.failures",
  },
  {
    ...claim,
    name: "an old fence does not say how it ended",
    source:
      ".where(and(eq(task.id, input.taskId), eq(task.fence, input.fence)))\n    .returning({ failures: task.failures });",
    without: ".where(eq(task.id, input.taskId))\n    .returning({ failures: task.failures });",
  },
];
