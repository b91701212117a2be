/** The part of a gateway's body memory that one task may use. */
export type BodyShare = {
  /** False when there is no room for so many bytes now. */
  take(bytes: number): boolean;
  give(bytes: number): void;
};

export type BodyMemory = { shareOf(taskId: string): BodyShare };

/**
 * Memory for the bodies of one gateway, so that agents cannot fill its process. `taskBytes` keeps one task from
 * taking all of it where tasks of several people share a gateway; absent, a task may.
 */
export function createBodyMemory(size: { totalBytes: number; taskBytes?: number | undefined }): BodyMemory {
  const { totalBytes, taskBytes = totalBytes } = size;
  const held = new Map<string, number>();
  let allHeld = 0;
  return {
    shareOf: (taskId) => ({
      take(bytes) {
        const own = (held.get(taskId) ?? 0) + bytes;
        if (own > taskBytes || allHeld + bytes > totalBytes) return false;
        held.set(taskId, own);
        allHeld += bytes;
        return true;
      },
      give(bytes) {
        const own = (held.get(taskId) ?? 0) - bytes;
        if (own > 0) held.set(taskId, own);
        else held.delete(taskId);
        allHeld -= bytes;
      },
    }),
  };
}
