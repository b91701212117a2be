import type { Config } from "../config.ts";
import type { Deps } from "../deps.ts";
import type { Storage } from "../storage/storage.ts";
import {
  checkpointKey,
  findExpiredCheckpoints,
  findKnownCheckpoints,
  forgetCheckpoints,
  type Checkpoint,
} from "./checkpoint-store.ts";

export type ExpireCheckpointsDeps = Pick<Deps, "system" | "clock" | "log"> & {
  checkpoints: Pick<Storage, "list" | "remove">;
  config: { sandbox: Pick<Config["sandbox"], "retentionMs"> };
};

const perRound = 500;

/** An object is stored before its row: one this young may be waiting for it. */
const youngMs = 24 * 3_600_000;

/**
 * Removes the checkpoints that nobody needs any more, and objects that were stored and never recorded. The object goes
 * first, so that a row never outlives the knowledge of it. Rejects when the storage fails; the next round goes on.
 */
export async function expireCheckpoints(
  deps: ExpireCheckpointsDeps,
): Promise<{ expired: number; strays: number }> {
  let expired = 0;
  for (let rows = await findSome(deps); rows.length > 0; rows = await findSome(deps)) {
    for (const row of rows) await deps.checkpoints.remove(checkpointKey(row));
    await forgetCheckpoints(
      deps.system,
      rows.map(({ id }) => id),
    );
    expired += rows.length;
  }
  const strays = await removeStrays(deps);
  if (expired + strays > 0) deps.log.info({ expired, strays }, "checkpoints were removed");
  return { expired, strays };
}

function findSome({ system, clock, config }: ExpireCheckpointsDeps): Promise<Checkpoint[]> {
  const { retentionMs } = config.sandbox;
  const endedBefore = new Date(clock.now().getTime() - retentionMs);
  return findExpiredCheckpoints(system, { endedBefore, retentionMs, limit: perRound });
}

async function removeStrays(deps: ExpireCheckpointsDeps): Promise<number> {
  const bornBefore = deps.clock.now().getTime() - youngMs;
  let strays = 0;
  let page: { key: string; id: string }[] = [];
  const settle = async () => {
    const known = await findKnownCheckpoints(
      deps.system,
      page.map(({ id }) => id),
    );
    for (const { key, id } of page) {
      if (known.has(id)) continue;
      await deps.checkpoints.remove(key);
      strays++;
    }
    page = [];
  };
  for await (const { key, modifiedAt } of deps.checkpoints.list("")) {
    const [, id] = /^[0-9a-f-]{36}\/[0-9a-f-]{36}\/([0-9a-f-]{36})$/.exec(key) ?? [];
    // What has another form is not ours to remove.
    if (id === undefined || modifiedAt.getTime() > bornBefore) continue;
    page.push({ key, id });
    if (page.length === perRound) await settle();
  }
  await settle();
  return strays;
}
