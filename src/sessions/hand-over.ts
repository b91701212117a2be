import { toError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { createHandedReader } from "./handed-lines.ts";
import { maxMessageLength } from "./steering-hooks.ts";

/** What somebody says to a turn while it runs, as the agent is to read it. The id has letters, digits and `-`, and ids sort by time. */
export type SteeringMessage = { id: string; text: string };

export type Steering = {
  /** Those that the prompt has already. */
  inPrompt: readonly string[];
  /** Those that the model has not been given yet, oldest first. */
  pending(): Promise<readonly SteeringMessage[]>;
  /** Calls back when there may be new ones, until the returned function is called. */
  onNews(listener: () => void): () => void;
  /** The model has been given these. */
  handed(ids: readonly string[]): Promise<void>;
};

export type HandOver = {
  /** A line of the agent's stream. */
  line: (text: string) => void;
  /** Ends the handing over; rejects when it could not be written down what was handed. */
  end(): Promise<void>;
};

/** Puts messages beside the checkout, where the turn's hooks take them, and writes down which the model was given. */
export function openHandOver(
  deps: { log: Logger },
  input: { sandbox: Pick<Sandbox, "writeFile">; directory: string; steering: Steering },
): HandOver {
  const { sandbox, directory, steering } = input;
  const put = new Set(steering.inPrompt);
  let recording: Promise<void> = Promise.resolve();
  let failure: Error | undefined;
  const look = async (): Promise<void> => {
    for (const message of await steering.pending()) {
      if (put.has(message.id)) continue;
      await putMessage(sandbox, directory, message);
      put.add(message.id);
    }
  };
  const looking = oneAtATime(look, (error) => {
    // It stays pending: it is tried again with the next news, and otherwise waits for a further task.
    deps.log.warn({ err: error }, "a comment could not be put beside the checkout yet");
  });
  const stopListening = steering.onNews(looking.again);
  looking.again();
  return {
    line: createHandedReader({
      inPrompt: steering.inPrompt,
      onHanded: (ids) => {
        const known = ids.filter((id) => put.has(id));
        recording = recording
          .then(() => steering.handed(known))
          .catch((error: unknown) => void (failure ??= toError(error)));
      },
    }),
    async end() {
      stopListening();
      looking.stop();
      await recording;
      if (failure !== undefined) throw failure;
    },
  };
}

/** Runs again as often as asked, never twice at once; several wishes during one run are one more run. */
function oneAtATime(run: () => Promise<void>, onError: (error: Error) => void) {
  let state: "idle" | "running" | "wanted" | "stopped" = "idle";
  const go = async (): Promise<void> => {
    try {
      await run();
    } catch (error) {
      onError(toError(error));
    }
    const wanted = state === "wanted";
    if (state !== "stopped") state = "idle";
    if (wanted) again();
  };
  const again = (): void => {
    if (state === "running") state = "wanted";
    if (state !== "idle") return;
    state = "running";
    void go();
  };
  return { again, stop: () => void (state = "stopped") };
}

/** One that is too long for a hook is read by the agent itself. */
async function putMessage(
  sandbox: Pick<Sandbox, "writeFile">,
  directory: string,
  { id, text }: SteeringMessage,
): Promise<void> {
  const path = `${directory}/${id}`;
  const whole = toJsonText(`${text}\n\n`);
  if (whole.length <= maxMessageLength) return sandbox.writeFile(`${path}.message`, whole);
  await sandbox.writeFile(`${path}.md`, text);
  await sandbox.writeFile(
    `${path}.message`,
    toJsonText(
      `People whose task you are working on wrote something long while you work. Read it in ${path}.md before you go on.\n\n`,
    ),
  );
}

/** As it stands between the quotes of a JSON string. */
const toJsonText = (text: string): string => JSON.stringify(text).slice(1, -1);
