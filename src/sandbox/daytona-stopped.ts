import { SandboxError } from "./sandbox.ts";

/** The machine stands still, so asking again is useless until somebody connects to it; its files are there. */
export class DaytonaStopped extends SandboxError {
  constructor(id: string, state: string, cause: unknown) {
    super("transient", `the machine ${id} at Daytona is ${state}; connect to it first`, { cause });
  }
}
