import { setTimeout as wait } from "node:timers/promises";
import type { Daytona, DaytonaError, Sandbox as DaytonaSandbox } from "@daytona/sdk";
import type { DaytonaConfig } from "../sandbox-settings.ts";
import { SandboxError, type SandboxFault } from "./sandbox.ts";

export type DaytonaClient = {
  config: DaytonaConfig;
  daytona: Daytona;
  /** Makes a call that may be repeated: again after 0.2 s and after 1 s when the fault may pass. Rejects with a SandboxError. */
  call<T>(what: string, act: () => Promise<T>): Promise<T>;
  /** The machine of this id or name as the API sees it now; null when there is none. */
  find(idOrName: string): Promise<DaytonaSandbox | null>;
  /** Makes a call that must not be repeated blindly. Rejects with a SandboxError. */
  once<T>(what: string, act: () => Promise<T>): Promise<T>;
};

/** Long enough for a file of some hundred megabytes to be accepted, short enough for a dead line to be noticed, ms. */
const requestTimeoutMs = 60_000;

/** The genuine SDK, loaded here and not before: it takes 0.4 s and 50 MB that a worker with local machines never needs. */
export async function openDaytona(config: DaytonaConfig): Promise<DaytonaClient> {
  const { Daytona, DaytonaError } = await import("@daytona/sdk");
  const daytona = new Daytona({
    apiKey: config.apiKey,
    apiUrl: config.apiUrl,
    ...(config.target === null ? {} : { target: config.target }),
    requestTimeoutMs,
    // Else each client keeps a socket to the notification service open; we ask for states ourselves.
    useDeprecatedPolling: true,
  });
  const once = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      if (error instanceof SandboxError) throw error;
      throw toFault(what, error instanceof DaytonaError ? error : null, error);
    }
  };
  const call = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    for (const pauseMs of [200, 1_000]) {
      try {
        return await once(what, act);
      } catch (error) {
        if (!mayPass(error)) throw error;
        await wait(retryAfterMs(error) ?? pauseMs);
      }
    }
    return once(what, act);
  };
  const find = async (idOrName: string): Promise<DaytonaSandbox | null> => {
    try {
      return await call(`look up the machine ${idOrName}`, () => daytona.get(idOrName));
    } catch (error) {
      if (error instanceof SandboxError && error.fault === "gone") return null;
      throw error;
    }
  };
  return { config, daytona, call, find, once };
}

function mayPass(error: unknown): boolean {
  return error instanceof SandboxError && (error.fault === "transient" || statusOf(error) === 429);
}

/** The HTTP status behind a fault; null when no answer came. */
export function statusOf(error: unknown): number | null {
  const cause = error instanceof SandboxError ? error.cause : error;
  if (!(cause instanceof Error) || !("statusCode" in cause)) return null;
  return typeof cause.statusCode === "number" ? cause.statusCode : null;
}

const longestWaitMs = 10_000;

function retryAfterMs(error: unknown): number | null {
  const cause =
    error instanceof SandboxError ? (error.cause as Partial<DaytonaError> | undefined) : undefined;
  const seconds = Number(cause?.headers?.["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(longestWaitMs, seconds * 1_000) : null;
}

const faults: Readonly<Record<number, SandboxFault>> = {
  400: "refused",
  401: "auth",
  402: "auth",
  403: "auth",
  404: "gone",
  409: "busy",
  410: "gone",
  422: "refused",
  429: "busy",
};

const keyPage = "https://app.daytona.io/dashboard/keys";

/** `known` is the SDK's own error; anything else that comes out of it (a dead socket, a broken answer) may pass. */
function toFault(what: string, known: DaytonaError | null, cause: unknown): SandboxError {
  const status = known?.statusCode;
  const fault = (status === undefined ? undefined : faults[status]) ?? "transient";
  const said = cause instanceof Error ? cause.message : String(cause);
  const came = status === undefined ? said : `${status} ${said}`;
  const remedy =
    fault === "auth"
      ? `; check DAYTONA_API_KEY (it belongs to one organisation and needs the rights to sandboxes) or make a new one at ${keyPage}`
      : "";
  return new SandboxError(fault, `Daytona was to ${what} and answered: ${came}${remedy}`, { cause });
}
