/** The states of a task, as the column `task.status` has them. */
export const taskStatuses = [
  "queued",
  "provisioning",
  "running",
  "waiting",
  "completed",
  "failed",
  "cancelled",
  "timeout",
] as const;

export type TaskStatus = (typeof taskStatuses)[number];

/**
 * Where a task may go. A lost worker's task starts again from `provisioning` (its fence tells the attempts apart);
 * `waiting` is for a person and goes back to `queued` when one has answered.
 */
const moves: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  queued: ["provisioning", "cancelled", "failed"],
  provisioning: [
    "provisioning",
    "running",
    "queued",
    "waiting",
    "completed",
    "failed",
    "cancelled",
    "timeout",
  ],
  running: ["provisioning", "queued", "waiting", "completed", "failed", "cancelled", "timeout"],
  waiting: ["queued", "completed", "failed", "cancelled", "timeout"],
  completed: [],
  failed: [],
  cancelled: [],
  timeout: [],
};

export function canMove(from: TaskStatus, to: TaskStatus): boolean {
  return moves[from].includes(to);
}

/** Nothing follows; the receipt is final. */
export function isTerminal(status: TaskStatus): boolean {
  return moves[status].length === 0;
}

/** It takes a place in its session. */
export function isOpen(status: TaskStatus): boolean {
  return !isTerminal(status);
}
