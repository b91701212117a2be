import { emitSuite, senderOf, suiteOf, suiteState, touchSuite } from "./checks-suites.ts";
import { emitCheck } from "./facts-checks.ts";
import type { Account, CheckRun, CheckSuite, Repository } from "./state.ts";
import { stamp } from "./world.ts";
import type { World } from "./world.ts";

type RunInput = { repository: Repository; suite: CheckSuite; name: string };

/** A run as it begins; nobody is told yet. A second one of its name in a suite is a re-run. */
export function newRun(world: World, { repository, suite, name }: RunInput): CheckRun {
  const earlier = repository.checkRuns.filter((run) => run.suiteId === suite.id && run.name === name);
  return {
    id: world.nextId("checkRun"),
    ...{ suiteId: suite.id, appId: suite.appId, name, headSha: suite.headSha },
    ...{ externalId: "", detailsUrl: null },
    status: "queued",
    conclusion: null,
    startedAt: stamp(world),
    completedAt: null,
    output: {},
    annotations: [],
    actions: [],
    attempt: earlier.length + 1,
    log: null,
  };
}

/** Puts a new run where it is seen, and tells of it. */
export function announceRun(
  world: World,
  input: { repository: Repository; run: CheckRun; sender: Account },
): void {
  input.repository.checkRuns.push(input.run);
  touchSuite(world, suiteOf(input.repository, input.run));
  emitCheck(world, { ...input, action: "created" });
  if (input.run.status === "completed") announceEnd(world, input);
}

/** Tells that a run has ended, and its suite with it when it was the last. */
export function announceEnd(
  world: World,
  { repository, run, sender }: { repository: Repository; run: CheckRun; sender: Account },
): void {
  const suite = suiteOf(repository, run);
  emitCheck(world, { repository, run, action: "completed", sender });
  if (suiteState(repository, suite).status !== "completed") return;
  touchSuite(world, suite);
  emitSuite(world, { repository, suite, action: "completed", sender: senderOf(world, suite) });
}
