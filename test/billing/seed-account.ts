import { randomInt } from "node:crypto";
import { uuidv7 } from "uuidv7";
import type { Db } from "../../db/client.ts";
import { account, installation } from "../../db/schema.ts";

export type SeededAccount = { id: string; githubId: number; login: string };

/** An organisation at which the App is installed. */
export async function seedAccount(system: Db): Promise<SeededAccount> {
  const seeded = { id: uuidv7(), githubId: randomInt(2 ** 40), login: "acme" };
  await system.insert(account).values({ ...seeded, kind: "Organization" });
  await system.insert(installation).values({
    ...{ id: randomInt(2 ** 40), accountId: seeded.id, repositorySelection: "all", permissions: {} },
  });
  return seeded;
}
