import { UserError } from "../errors.ts";
import type { DaytonaClient } from "./daytona-client.ts";
import { type Isolation, SandboxError } from "./sandbox.ts";

/** Asks for the snapshot, which proves address, key and template; a machine of its own would cost money at each boot. */
export async function probeDaytona(client: DaytonaClient): Promise<Isolation> {
  const { snapshot, apiUrl } = client.config;
  try {
    const problem = await findSnapshotProblem(client);
    if (problem !== null) throw problem;
  } catch (error) {
    if (!(error instanceof SandboxError) || error.fault !== "auth") throw error;
    throw new UserError(
      "daytona-key",
      error.message,
      "Set DAYTONA_API_KEY to a key of your organisation from https://app.daytona.io/dashboard/keys.",
      { cause: error },
    );
  }
  return { kind: "vm", detail: `a machine of its own at ${apiUrl} for each session, snapshot ${snapshot}` };
}

/** Null: machines can be made of the snapshot. */
export async function findSnapshotProblem(client: DaytonaClient): Promise<UserError | null> {
  const { snapshot } = client.config;
  const remedy = "Build it from sandbox/template, or set DAYTONA_SNAPSHOT to the name of one that is active.";
  try {
    const { state } = await client.call(`look up the snapshot ${snapshot}`, () =>
      client.daytona.snapshot.get(snapshot),
    );
    if (state === "active") return null;
    return new UserError(
      "daytona-snapshot",
      `Expected the Daytona snapshot ${snapshot} to be active, it is ${state}.`,
      remedy,
    );
  } catch (error) {
    if (!(error instanceof SandboxError) || error.fault !== "gone") throw error;
    return new UserError(
      "daytona-snapshot",
      `Expected the snapshot ${snapshot} at Daytona, found none.`,
      remedy,
      { cause: error },
    );
  }
}
