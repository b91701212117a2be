import { randomBytes } from "node:crypto";
import { z } from "zod";
import { toError } from "../errors.ts";
import type { DaytonaMachine } from "./daytona-machine.ts";
import type { InsideRunEnd, InsideRunRequest } from "./daytona-inside-run.ts";
import { DaytonaStopped } from "./daytona-stopped.ts";
import { createOutputTail } from "./output-tail.ts";
import { type ExecInput, type ExecResult, SandboxError } from "./sandbox.ts";
import { defaultPatience } from "./stop-ladder.ts";

const tailBytes = 64 * 1024;
const chunkBytes = 512 * 1024;
/** How long one request waits for output inside; each also tells Daytona that the machine is in use, and the command that its worker lives. */
const waitMs = 10_000;
/** A command that nobody has asked after for this long is ended inside. */
const orphanMs = 90_000;
/** So long a command is asked after without an answer; less than `orphanMs`, so that it is still there when one comes. */
const silenceMs = 75_000;

const answerShape = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("news"),
    stdout: z.base64(),
    stderr: z.base64(),
    end: z.nullable(
      z.strictObject({
        exitCode: z.nullable(z.int()),
        signal: z.nullable(z.string()),
        timedOut: z.boolean(),
        aborted: z.boolean(),
        left: z.int(),
      }),
    ),
  }),
  z.strictObject({ kind: z.literal("refused"), reason: z.string() }),
  z.strictObject({ kind: z.literal("vanished") }),
]);

type Answer = z.infer<typeof answerShape>;

/**
 * Runs one command. Inside, a supervisor of ours starts it, keeps its output in files and ends it; here we ask for what is
 * new from where we stand, so a request or answer that is lost costs nothing and no byte comes twice. The SDK's own log
 * stream is not used: it cannot be closed, decodes bytes to text, and takes a lost connection for the end.
 */
export async function execInDaytona(machine: DaytonaMachine, input: ExecInput): Promise<ExecResult> {
  const launch = launchOf(machine, input);
  if (input.signal?.aborted === true) return neverStarted;
  const directory = `${machine.runs}/${randomBytes(8).toString("hex")}`;
  const tails = { stdout: createOutputTail(tailBytes), stderr: createOutputTail(tailBytes) };
  const request: InsideRunRequest = {
    directory,
    launch,
    ask: null,
    stdoutOffset: 0,
    stderrOffset: 0,
    waitMs: machine.waitMs ?? waitMs,
    maxBytes: chunkBytes,
    finished: machine.finished.splice(0),
  };
  const faults: Error[] = [];
  let asking: Promise<unknown> = Promise.resolve();
  const ask = (what: "abort" | "kill") => {
    // Beside the request that waits for output; that one brings the end.
    const asked = { ...request, launch: null, finished: [], ask: what, waitMs: 0, maxBytes: 0 };
    asking = askUntilHeard(machine, asked).catch((error: unknown) => faults.push(toError(error)));
  };
  const abort = () => ask("abort");
  input.signal?.addEventListener("abort", abort, { once: true });
  const give = (chunk: Buffer, name: "stdout" | "stderr", listener: ExecInput["onStdout"]) => {
    tails[name].push(chunk);
    if (chunk.length === 0 || faults.length > 0) return;
    try {
      listener?.(chunk);
    } catch (error) {
      faults.push(toError(error));
      ask("kill");
    }
  };
  try {
    for (;;) {
      const answer = await askUntilHeard(machine, request);
      const news = await readNews(machine, directory, answer);
      request.stdoutOffset += news.stdout.length;
      request.stderrOffset += news.stderr.length;
      give(news.stdout, "stdout", input.onStdout);
      give(news.stderr, "stderr", input.onStderr);
      // The answer says that it runs: not to be started again.
      request.launch = null;
      request.finished = [];
      if (news.end === null) continue;
      machine.finished.push(directory);
      await asking;
      if (faults[0] !== undefined) throw faults[0];
      return resultOf(news.end, tails);
    }
  } finally {
    input.signal?.removeEventListener("abort", abort);
    await asking;
  }
}

function resultOf(
  { left, ...end }: InsideRunEnd,
  tails: Record<"stdout" | "stderr", { text(): string }>,
): ExecResult {
  if (left > 0)
    throw new SandboxError("transient", `${left} processes of a command at Daytona could not be ended`);
  return { ...end, stdoutTail: tails.stdout.text(), stderrTail: tails.stderr.text() };
}

/** Asks again while no answer comes: the request may be sent any number of times. */
async function askUntilHeard(machine: DaytonaMachine, request: InsideRunRequest): Promise<Answer> {
  const until = Date.now() + (machine.silenceMs ?? silenceMs);
  for (;;) {
    try {
      return await machine.call({
        name: "followRun",
        request,
        answer: answerShape,
        timeoutSeconds: Math.ceil(request.waitMs / 1_000) + 20,
        repeatable: true,
      });
    } catch (error) {
      const mayPass = error instanceof SandboxError && ["transient", "busy"].includes(error.fault);
      if (!mayPass || error instanceof DaytonaStopped || Date.now() > until) throw error;
    }
  }
}

async function readNews(machine: DaytonaMachine, directory: string, answer: Answer) {
  switch (answer.kind) {
    case "refused":
      throw new SandboxError("refused", answer.reason);
    case "vanished":
      // The agent may have killed what watches over it: nothing of the command may go on unwatched.
      await machine.call({
        name: "endRun",
        request: { directory },
        answer: z.strictObject({ left: z.int() }),
        timeoutSeconds: 30,
        repeatable: true,
      });
      throw new SandboxError(
        "transient",
        `a command at Daytona lost its supervisor, so how it ended is not known; its processes were ended`,
      );
    case "news":
      return {
        stdout: Buffer.from(answer.stdout, "base64"),
        stderr: Buffer.from(answer.stderr, "base64"),
        end: answer.end,
      };
  }
}

function launchOf(machine: DaytonaMachine, input: ExecInput): InsideRunRequest["launch"] {
  const { argv, cwd, env = {}, stdinPath, gatewaySocket } = input;
  if (gatewaySocket !== undefined || typeof env === "function")
    throw new TypeError(
      "expected a plain environment and no socket: a machine at Daytona reaches the public address",
    );
  const texts = [...argv, cwd ?? "/", stdinPath ?? "/", ...Object.values(env)];
  if (texts.some((text) => text.includes("\0")))
    throw new TypeError("expected arguments, folder and environment without NUL");
  const odd = Object.keys(env).find((name) => name === "" || /[=\0]/.test(name));
  if (odd !== undefined) throw new TypeError(`expected names of variables, got ${JSON.stringify(odd)}`);
  return {
    argv,
    cwd: cwd ?? machine.paths.workspace,
    env: { ...machine.baseEnv, ...env },
    stdinPath: stdinPath ?? null,
    timeoutMs: input.timeoutMs,
    orphanMs,
    patience: machine.patience ?? defaultPatience,
  };
}

const neverStarted: ExecResult = {
  exitCode: null,
  signal: null,
  timedOut: false,
  aborted: true,
  stdoutTail: "",
  stderrTail: "",
};
