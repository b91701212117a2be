import { and, eq } from "drizzle-orm";
import { withAccount, type Db } from "../../db/client.ts";
import { modelCall } from "../../db/schema.ts";
import type { Turn } from "./turn.ts";

/** Whether the model's own API answered a call of this turn with this status; the gateway's own refusals are not calls. */
export async function hasForwardedStatus(db: Db, turn: Turn, httpStatus: number): Promise<boolean> {
  const calls = await withAccount(db, turn.accountId, (tx) =>
    tx.$count(
      modelCall,
      and(
        eq(modelCall.taskId, turn.taskId),
        eq(modelCall.fence, turn.fence),
        eq(modelCall.httpStatus, httpStatus),
      ),
    ),
  );
  return calls > 0;
}
