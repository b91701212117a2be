/** A worker to be killed: it takes tasks, says which, and never ends them. */
import { startWorker } from "./start-worker.ts";

const url = process.env.DATABASE_URL;
if (url === undefined) throw new Error("DATABASE_URL: expected the test's database");
await startWorker(url, {
  "run-task": ({ taskId }) => {
    process.stdout.write(`holds ${taskId}\n`);
    return new Promise(() => undefined);
  },
});
process.stdout.write("ready\n");
