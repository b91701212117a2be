import { askMachine, type E2bMachineLink } from "./e2b-link.ts";
import type { RemoteTransfer } from "./remote-files.ts";
import { retryRemote } from "./remote-retry.ts";

/** Both ways of a file together; a stalled connection is given up by `idleMs` where the client can tell. */
const transferMs = 30 * 60_000;
const idleMs = 60_000;

/** Moves bytes by the file API of one E2B machine. */
export function createE2bTransfer(link: E2bMachineLink): RemoteTransfer {
  return {
    async upload(path, data) {
      const send = () =>
        askMachine(link, `${path} was to be written`, async () => {
          const body = data instanceof Uint8Array ? new Blob([data]) : data;
          await link.machine().files.write(path, body, {
            ...{ user: "user", useOctetStream: true, requestTimeoutMs: transferMs },
            signal: AbortSignal.timeout(transferMs),
          });
        });
      // A stream has been read when it fails.
      await (data instanceof ReadableStream ? send() : retryRemote(send));
    },
    download: (path, consume) =>
      retryRemote(() =>
        askMachine(link, `${path} was to be read`, async () =>
          consume(
            await link.machine().files.read(path, {
              ...{ user: "user", format: "stream", requestTimeoutMs: idleMs, streamIdleTimeoutMs: idleMs },
            }),
          ),
        ),
      ),
  };
}
