/** What the stand-ins recorded about one thread that asked for work. */
export type ThreadHistory = {
  /** owner/name#number */
  thread: string;
  /** Texts of the bot's comments on the issue. */
  said: readonly string[];
  /** The bot's reactions on the comment that asked. */
  reactions: readonly string[];
  /** Of the bot, whose body names the issue. */
  pulls: readonly { number: number; head: string; files: readonly string[]; commits: number }[];
  /** Attempts whose model calls the account pays for. */
  paidAttempts: number;
};

export type History = {
  threads: readonly ThreadHistory[];
  /** Every ref that the bot wrote, with the default branch of its repository. */
  refs: readonly { repository: string; ref: string; defaultBranch: string }[];
  /** Branches below claude/ that no pull request of the bot has as its head. */
  strayBranches: readonly string[];
  /** What a worker did after another had taken its tasks over. */
  lateEffects: readonly string[];
  /** Machines that are still there although nobody is using them. */
  strayMachines: readonly string[];
};

export type Violation = { promise: "P1" | "P2" | "P3" | "P4" | "P5"; where: string; what: string };

const ended = "rocket";
const refused = "confused";

/** Holds what happened against the promises; empty: all were kept. */
export function check(history: History): Violation[] {
  return [
    ...history.threads.flatMap(checkThread),
    ...history.refs.filter(isForbidden).map(({ repository, ref }): Violation => ({
      promise: "P4",
      where: repository,
      what: `${ref} was written`,
    })),
    ...history.strayBranches.map((branch): Violation => ({
      promise: "P2",
      where: branch,
      what: "a branch without a pull request",
    })),
    ...history.lateEffects.map((effect): Violation => ({
      promise: "P5",
      where: effect,
      what: "an effect of an overtaken worker",
    })),
    ...history.strayMachines.map((machine): Violation => ({
      promise: "P2",
      where: machine,
      what: "a machine that nobody uses",
    })),
  ];
}

/** As `check`, where a fault may have ended a task without its work: never silently, never twice, never paid for. */
export function checkFaulted(history: History): Violation[] {
  const unworked = history.threads.filter(({ reactions }) => !reactions.includes(ended));
  const threads = history.threads.filter((each) => !unworked.includes(each));
  const repositories = unworked.map(({ thread }) => thread.slice(0, thread.indexOf("#")));
  // What was pushed before the fault stays, and the thread says so.
  const strayBranches = history.strayBranches.filter(
    (branch) => !repositories.some((each) => branch.startsWith(`${each} `)),
  );
  return [...check({ ...history, threads, strayBranches }), ...unworked.flatMap(checkUnworked)];
}

function checkUnworked({ thread, said, reactions, pulls, paidAttempts }: ThreadHistory): Violation[] {
  const found: Violation[] = [];
  const expectAtMostOne = (promise: Violation["promise"], what: string, count: number) => {
    if (count > 1)
      found.push({ promise, where: thread, what: `expected one ${what} at most, found ${count}` });
  };
  const count = (content: string) => reactions.filter((each) => each === content).length;
  if (said.length === 0 && count(refused) === 0)
    found.push({ promise: "P1", where: thread, what: "nobody was told that nothing came of it" });
  expectAtMostOne("P2", "refusal", count(refused));
  expectAtMostOne("P2", "pair of eyes", count("eyes"));
  expectAtMostOne("P2", "status comment", said.length);
  expectAtMostOne("P2", "pull request", pulls.length);
  expectAtMostOne("P3", "attempt that is paid for", paidAttempts);
  return found;
}

function checkThread({ thread, said, reactions, pulls, paidAttempts }: ThreadHistory): Violation[] {
  const found: Violation[] = [];
  const expectOne = (promise: Violation["promise"], what: string, count: number) => {
    if (count !== 1) found.push({ promise, where: thread, what: `expected one ${what}, found ${count}` });
  };
  const count = (content: string) => reactions.filter((each) => each === content).length;
  expectOne("P1", "last word", count(ended));
  expectOne("P2", "pair of eyes", count("eyes"));
  expectOne("P2", "status comment", said.length);
  expectOne("P2", "pull request", pulls.length);
  for (const { head, files, commits } of pulls) {
    expectOne("P5", `commit on ${head}`, commits);
    expectOne("P5", `changed file on ${head}`, files.length);
  }
  expectOne("P3", "attempt that is paid for", paidAttempts);
  return found;
}

function isForbidden({ ref, defaultBranch }: History["refs"][number]): boolean {
  return !ref.startsWith("refs/heads/claude/") || ref === `refs/heads/${defaultBranch}`;
}
