import { UserError } from "../errors.ts";
import { openQueue } from "../queue/queue.ts";
import { writeJson, type CliIo } from "./cli-io.ts";
import { createCliLogger } from "./cli-logger.ts";
import { listDeadDeliveries, requeueDelivery } from "./dead-delivery-store.ts";
import { withCliDatabase } from "./open-cli-database.ts";
import { recordOperator } from "./record-operator.ts";
import { formatAge } from "./relative-time.ts";
import { renderTable } from "./render-table.ts";

/** `remote-claude queue dead`: deliveries that could not be handled, each with what its last attempt ended with. */
export async function showDeadLetters(io: CliIo, input: { limit: number; json: boolean }): Promise<void> {
  const deliveries = await withCliDatabase(io, ({ system }) => listDeadDeliveries(system, input.limit));
  if (input.json) {
    writeJson(io, { deliveries });
    return;
  }
  if (deliveries.length === 0) {
    io.write("Nothing is parked: every delivery was handled, or still will be.\n");
    return;
  }
  const now = io.now();
  io.write(
    renderTable({
      heading: ["DELIVERY", "EVENT", "REPOSITORY", "RECEIVED", "PARKED", "BECAUSE"],
      rows: deliveries.map((dead) => [
        dead.id,
        dead.action === null ? dead.event : `${dead.event}.${dead.action}`,
        dead.repository ?? "-",
        formatAge(dead.receivedAt, now),
        dead.diedAt === null ? "-" : formatAge(dead.diedAt, now),
        dead.error ?? "",
      ]),
      columns: io.columns,
    }),
  );
}

/** `remote-claude queue requeue`: parked deliveries are handled again, one or all; doing it twice changes nothing. */
export async function requeueDeadLetters(
  io: CliIo,
  input: { delivery: string | undefined; all: boolean; json: boolean },
): Promise<void> {
  if ((input.delivery === undefined) !== input.all) {
    throw new UserError(
      "delivery-missing",
      "Expected either a delivery or --all, got both or neither.",
      "remote-claude queue dead shows them.",
    );
  }
  const requeued = await withCliDatabase(io, async ({ system, url }) => {
    const ids =
      input.delivery === undefined
        ? (await listDeadDeliveries(system, 10_000)).map(({ id }) => id)
        : [input.delivery];
    const queue = await openQueue({ url, log: createCliLogger(io), mode: "send" });
    try {
      const done: string[] = [];
      for (const id of ids) {
        if (!(await requeueDelivery({ system, queue }, id))) continue;
        await recordOperator(system, { accountId: null, command: "queue requeue", data: { delivery: id } });
        done.push(id);
      }
      return done;
    } finally {
      await queue.stop();
    }
  });
  if (requeued.length === 0 && input.delivery !== undefined) {
    throw new UserError(
      "delivery-not-dead",
      `Expected a delivery that is parked, got ${JSON.stringify(input.delivery)}.`,
      "remote-claude queue dead shows them; one that was requeued already is under way.",
    );
  }
  if (input.json) writeJson(io, { requeued });
  else io.write(requeued.length === 0 ? "Nothing was parked.\n" : `${requeued.join("\n")}\n`);
}
