import type { ServerResponse } from "node:http";

export type CallCount = {
  /** Counts a call until its answer is over; false when as many are under way as may be. */
  enter(taskId: string, response: ServerResponse): boolean;
};

/** Bounds the model calls under way, in all and of one task. */
export function createCallCount(limits: { total: number; perTask: number }): CallCount {
  const calls = new Map<string, number>();
  let total = 0;
  const change = (taskId: string, by: 1 | -1) => {
    const own = (calls.get(taskId) ?? 0) + by;
    if (own > 0) calls.set(taskId, own);
    else calls.delete(taskId);
    total += by;
  };
  return {
    enter(taskId, response) {
      if (total >= limits.total || (calls.get(taskId) ?? 0) >= limits.perTask) return false;
      // Its end has been and will not come again.
      if (response.destroyed) return true;
      change(taskId, 1);
      response.once("close", () => change(taskId, -1));
      return true;
    },
  };
}
