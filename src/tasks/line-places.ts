/** How many tasks of a repository, and of one person in it, may run at once; null: as many as the account's slots. */
export type ParallelLimits = { perRepository: number | null; perUser: number | null };

/** A limit that holds a task back; `login`: whose it is, null for the whole repository's. */
export type LineLimit = { slots: number; login: string | null };

/** One task that runs or waits, with the limits that its repository's settings had when it was made. */
export type Standing = ParallelLimits & {
  id: string;
  sessionId: string;
  repositoryId: number;
  requesterId: number;
  requesterLogin: string;
  runs: boolean;
};

export type LinePlace<S> = {
  /** Those before it in the line that it stands in. */
  before: readonly S[];
  /** How many stand in that line. */
  open: number;
  slots: number;
  limit: LineLimit | null;
};

/**
 * The line in which a task waits. A limit of its repository that those before it use up makes a line of its own, for that
 * repository or person alone; whom such a limit holds back takes no slot of the account from anybody.
 */
export function placeInStandings<S extends Standing>(
  line: readonly S[],
  { taskId, accountSlots }: { taskId: string; accountSlots: number },
): LinePlace<S> {
  const free: S[] = [];
  let mine: LinePlace<S> | null = null;
  for (const standing of line) {
    const limit = standing.runs ? null : findLimit(standing, free);
    if (standing.id === taskId)
      mine =
        limit === null
          ? { before: [...free], open: 0, slots: accountSlots, limit: null }
          : placeUnder(limit, line, standing);
    if (limit === null) free.push(standing);
  }
  if (mine === null) return { before: free, open: free.length, slots: accountSlots, limit: null };
  return mine.limit === null ? { ...mine, open: free.length } : mine;
}

/** The limit that those who go first have used up; null: none. */
export function findLimit(mine: Standing, first: readonly Standing[]): LineLimit | null {
  const { perUser, perRepository, requesterLogin } = mine;
  const here = first.filter((other) => other.repositoryId === mine.repositoryId);
  const own = here.filter((other) => other.requesterId === mine.requesterId);
  if (perUser !== null && own.length >= perUser) return { slots: perUser, login: requesterLogin };
  if (perRepository !== null && here.length >= perRepository) return { slots: perRepository, login: null };
  return null;
}

function placeUnder<S extends Standing>(limit: LineLimit, line: readonly S[], mine: S): LinePlace<S> {
  const group = line.filter(
    (other) =>
      other.repositoryId === mine.repositoryId &&
      (limit.login === null || other.requesterId === mine.requesterId),
  );
  return { before: group.slice(0, group.indexOf(mine)), open: group.length, slots: limit.slots, limit };
}
