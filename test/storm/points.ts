/** Where the storm's tasks stand when their process dies: the names of docs/reliability.md, and of src/crash-point.ts. */
export type Point = {
  id: string;
  what: string;
  /** Of which process. */
  of: "server" | "worker";
  /** Reached after its task's end, when alice has closed its pull request. */
  closed?: true;
  at: (crashPoint: string) => boolean;
};

const exactly = (name: string) => (crashPoint: string) => crashPoint === name;
const startsWith = (name: string) => (crashPoint: string) => crashPoint.startsWith(name);

export const points: readonly Point[] = [
  { id: "K0", what: "a delivery is verified, not stored", of: "server", at: exactly("delivery-judged") },
  { id: "K1", what: "it is stored, not answered", of: "server", at: exactly("delivery-stored") },
  { id: "K2", what: "the task is claimed", of: "worker", at: exactly("claimed") },
  {
    id: "K3",
    what: "the status comment stands, its id is not stored",
    of: "worker",
    at: exactly("acted status-comment"),
  },
  { id: "K4", what: "the machine is made, its id is not stored", of: "worker", at: exactly("machine-made") },
  { id: "K5", what: "the checkout is there", of: "worker", at: exactly("session-filled") },
  { id: "K6", what: "the agent runs", of: "worker", at: exactly("agent-speaks") },
  { id: "K7", what: "the agent is done, nothing is kept", of: "worker", at: startsWith("acted agent:") },
  { id: "K8", what: "the turn is kept, not pushed", of: "worker", at: exactly("recorded turn") },
  {
    id: "K9",
    what: "the branch is pushed, that is not recorded",
    of: "worker",
    at: startsWith("acted push:"),
  },
  {
    id: "K10",
    what: "the pull request stands, its number is not stored",
    of: "worker",
    at: exactly("acted pull-request"),
  },
  {
    id: "K11",
    what: "its number is stored, nobody is told",
    of: "worker",
    at: exactly("recorded pull-request"),
  },
  {
    id: "K12",
    what: "the task has ended and is paid for, nobody is told",
    of: "worker",
    at: exactly("ended"),
  },
  { id: "K13", what: "the last word is said, that is not recorded", of: "worker", at: exactly("told") },
  {
    id: "K15",
    what: "the session is over, its machine stands",
    of: "worker",
    closed: true,
    at: exactly("machine-ending"),
  },
];
