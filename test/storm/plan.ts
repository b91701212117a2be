import type { Blow } from "./blows.ts";
import { faultsUnit, operations } from "./faults.ts";
import { points } from "./points.ts";
import { roundUnit } from "./round-unit.ts";
import type { Unit } from "./unit.ts";

/** How many rounds of a blow, and how many tasks at each point: together the pairs of each point. */
type Dose = { rounds: number; tasks: number };

const full: Record<Blow, Dose> = {
  SIGKILL: { rounds: 25, tasks: 8 },
  SIGSTOP: { rounds: 2, tasks: 10 },
  SIGTERM: { rounds: 2, tasks: 10 },
  database: { rounds: 2, tasks: 10 },
  postgres: { rounds: 2, tasks: 10 },
  silence: { rounds: 1, tasks: 10 },
  "clock-ahead": { rounds: 1, tasks: 10 },
  "clock-behind": { rounds: 1, tasks: 10 },
  disk: { rounds: 1, tasks: 10 },
};

const faultsOfKind = 25;

/** For CI. */
const short: Partial<Record<Blow, Dose>> = {
  SIGKILL: { rounds: 1, tasks: 3 },
  SIGSTOP: { rounds: 1, tasks: 1 },
};

/** Everything that the storm does, in its order. */
export function planOf(form: "full" | "short", given?: number): Unit[] {
  const doses = form === "full" ? full : short;
  const rounds = (Object.entries(doses) as [Blow, Dose][]).flatMap(([blow, dose]) =>
    roundsOf(blow, { rounds: dose.rounds, tasks: given ?? dose.tasks }),
  );
  if (form === "short") return rounds;
  return [...rounds, ...operations.map((each) => faultsUnit(each, given ?? faultsOfKind))];
}

/** At these points the agent itself is struck. */
const atAgent = points.filter(({ id }) => id === "K6" || id === "K7");
const elsewhere = points.filter((point) => !atAgent.includes(point));
const atAgentFold = 2;

/** The real agent in each tenth round, and wherever it is the agent that is struck. */
function roundsOf(blow: Blow, { rounds, tasks }: Dose): Unit[] {
  const all = Array.from({ length: rounds }, (_, index) => index);
  const real = all.filter((index) => index % 10 === 0);
  const agents = Math.ceil((rounds - real.length) / atAgentFold);
  return [
    ...all.map((index) =>
      real.includes(index)
        ? roundUnit({ name: `${blow}/${index}`, blow, index, points, tasks, agent: "claude" })
        : roundUnit({ name: `${blow}/${index}`, blow, index, points: elsewhere, tasks, agent: "scripted" }),
    ),
    ...Array.from({ length: agents }, (_, index) =>
      roundUnit({
        ...{ name: `${blow}/agent-${index}`, blow, index: rounds + index, points: atAgent, agent: "claude" },
        tasks: tasks * atAgentFold,
      }),
    ),
  ];
}
