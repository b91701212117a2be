/** One guard of the bot and the text that takes it away. */
export type Guard = {
  /** Unique; what the guard does, in a word or two. */
  name: string;
  group:
    | "gate"
    | "intake"
    | "sanitiser"
    | "redactor"
    | "token scope"
    | "steps"
    | "gateway"
    | "commits"
    | "tenants"
    | "billing";
  /** Of the design's promises. */
  promise: "P1" | "P2" | "P3" | "P4" | "P5" | "P6" | "P7";
  /** From the root of the repository. */
  file: string;
  /** Occurs exactly once in the file. */
  source: string;
  /** What stands in its place when the guard is gone. */
  without: string;
  /** Of these files at least one test has to fail then. */
  tests: readonly string[];
};
