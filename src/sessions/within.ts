import { TransientError } from "../errors.ts";

/** What `work` gives, or a TransientError when it takes longer; it goes on by itself then. */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new TransientError(`expected an answer within ${limitMs / 1_000} s, got none`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
