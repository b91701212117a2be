import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { RemoteMachine } from "./remote-exec.ts";
import { launcherCodes, pollScript, type RemoteRun, runMark, sweepScript } from "./remote-script.ts";
import type { RemoteProcess } from "./remote-shell.ts";
import type { RemoteStream } from "./remote-stream.ts";
import { SandboxError } from "./sandbox.ts";

export type RemoteStreams = { stdout: RemoteStream; stderr: RemoteStream };

/** The client of a provider may keep all text of a live stream in memory: past this much we read from the files. */
const maxLiveChars = 4 * 2 ** 20;
const maxPollBytes = 2 ** 20;
const startAttempts = 3;
/** Between two looks for news, so that a talkative command does not fill the day with requests. */
const pollPauseMs = 200;

type Following = {
  /** Starts the script and resolves with the exit code when everything of the command is over; null when it was killed. */
  run(script: string): Promise<number | null>;
  tell(word: string): Promise<void>;
  killHard(): Promise<void>;
  /** Stops following; the command is let alone. */
  leave(): void;
};

/**
 * Follows one command of a remote machine: live while its stream holds, by reading the files of its output once the stream
 * is lost or cannot be trusted.
 */
export function followRemote(
  { shell, timings }: RemoteMachine,
  input: { run: RemoteRun; streams: RemoteStreams; killed: () => boolean },
): Following {
  const { run, streams } = input;
  const mark = runMark(run);
  let live: RemoteProcess | null = null;
  let liveChars = 0;
  let wantsLive = true;
  let abandoned = false;
  const started = Promise.withResolvers<number>();
  /** The launcher's pid; null when it is over. Signals that come before the start wait for it. */
  let pid: Promise<number | null> = started.promise;

  const leave = () => {
    wantsLive = false;
    live?.leave();
  };
  const hear = (stream: RemoteStream) => (text: string) => {
    liveChars += text.length;
    if (!stream.pushText(text) || liveChars > maxLiveChars) leave();
  };

  async function start(script: string): Promise<RemoteProcess> {
    const listener = { onStdout: hear(streams.stdout), onStderr: hear(streams.stderr) };
    for (let attempt = 1; ; attempt += 1) {
      try {
        // Safe to repeat: the machine starts a run once, whatever became of the answer.
        return await shell.start(script, listener);
      } catch (error) {
        const passing =
          error instanceof SandboxError && (error.fault === "transient" || error.fault === "busy");
        if (!passing || attempt === startAttempts) throw error;
        await delay(pollPauseMs * attempt);
      }
    }
  }

  const findPid = async (): Promise<number | null> => {
    const found = (await shell.processes()).find(({ args }) => args.some((text) => text.includes(mark)));
    return found?.pid ?? null;
  };

  async function runToEnd(script: string): Promise<number | null> {
    live = await start(script);
    started.resolve(live.pid);
    // A chunk may have come before there was anything to leave.
    if (!wantsLive) leave();
    const code = await live.ended;
    if (code !== null && !streams.stdout.begun && code !== launcherCodes.startedBefore) {
      throw notStarted(code, streams.stderr.preface.trim());
    }
    // What this stream belonged to found the command started already by one whose answer was lost.
    if (code === launcherCodes.startedBefore && !streams.stdout.begun) pid = findPid();
    const trusted = code !== null && code >= 0 && code !== 137 && streams.stdout.begun;
    return trusted ? code : await readOn();
  }

  async function readOn(): Promise<number | null> {
    for (let missing = 0; ;) {
      if (abandoned) throw lost(mark);
      const news = parseNews(await look());
      if (news === null) throw lost(mark);
      streams.stdout.pushBytes(news.out);
      streams.stderr.pushBytes(news.err);
      const more = Math.max(news.out.length, news.err.length) === maxPollBytes;
      if (more) continue;
      if (news.exit === "stuck") throw stillThere(mark);
      if (news.exit !== null) return await confirmed(Number(news.exit));
      if (news.out.length + news.err.length === 0 && (await findPid()) === null) missing += 1;
      // Once more: it may have ended between the two questions.
      if (missing > 1) return await afterLoss();
      await delay(pollPauseMs);
    }
  }

  const look = async (): Promise<string> => {
    const from = { stdout: streams.stdout.offset, stderr: streams.stderr.offset };
    const script = pollScript(run, { ...from, maxBytes: maxPollBytes, waitMs: timings.pollMs });
    return (await shell.call(script, { timeoutMs: timings.pollMs + 30_000 })).stdout;
  };

  /** The launcher is gone and has not said how the command ended: the machine was restarted, or somebody inside killed it. */
  async function afterLoss(): Promise<null> {
    await sweep();
    if (input.killed()) return null;
    throw lost(mark);
  }

  async function sweep(): Promise<void> {
    if ((await shell.call(sweepScript(run))).exitCode !== 0) throw stillThere(mark);
  }

  async function confirmed(exitCode: number): Promise<number> {
    if (input.killed() && (await findPid()) !== null) throw stillThere(mark);
    return exitCode;
  }

  return {
    run: runToEnd,
    async tell(word) {
      const launcher = await pid;
      if (launcher !== null) await shell.tell(launcher, word);
    },
    async killHard() {
      await sweep();
      const launcher = await findPid();
      if (launcher !== null) await shell.kill(launcher);
      leave();
    },
    leave() {
      abandoned = true;
      leave();
    },
  };
}

type News = { exit: string | null; out: Buffer; err: Buffer };

const newsLine = z.tuple([z.enum(["exit", "out", "err"]), z.string()]);

/** Null when the machine knows nothing of the run. */
function parseNews(text: string): News | null {
  const lines = new Map(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => newsLine.parse(line.split(" "))),
  );
  const [out, err] = [lines.get("out"), lines.get("err")];
  if (out === undefined || err === undefined) return null;
  const exit = lines.get("exit") ?? null;
  return { exit, out: Buffer.from(out, "base64"), err: Buffer.from(err, "base64") };
}

function notStarted(code: number, said: string): SandboxError {
  return new SandboxError(
    code === launcherCodes.refused ? "refused" : "transient",
    `the command was not started (${code}): ${said}`,
  );
}

function lost(mark: string): SandboxError {
  return new SandboxError(
    "transient",
    `the command ${mark} ended without a trace: its machine was restarted, or something inside killed it`,
  );
}

function stillThere(mark: string): SandboxError {
  return new SandboxError(
    "transient",
    `processes of the command ${mark} are still there after they were killed`,
  );
}
