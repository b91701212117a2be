import { SandboxError } from "./sandbox.ts";

/** The answer to a call, or a transient fault when it takes longer; the call itself is left to its own end. */
export async function answerWithin<T>(limitMs: number, what: string, asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new SandboxError("transient", `${what}: expected an answer within ${limitMs} ms, got none`));
    }, limitMs);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
