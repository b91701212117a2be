import { readFile } from "node:fs/promises";
import { UserError } from "../errors.ts";
import type { LocalHost } from "./local-host.ts";
import { type ExecResult, type Isolation, SandboxError } from "./sandbox.ts";

const refusal =
  "Refusing to run agent commands unsandboxed; set SANDBOX_LOCAL_ISOLATION=none to accept that risk.";

/** Starts an isolated `true` by `run`; rejects with a UserError `sandbox-unavailable` that says why not and what to do. */
export async function probeIsolation(host: LocalHost, run: () => Promise<ExecResult>): Promise<Isolation> {
  if (host.isolation === "none") {
    return {
      kind: "none",
      detail: "agents run without isolation, as the worker's own user (SANDBOX_LOCAL_ISOLATION=none)",
    };
  }
  const missing = [
    ...(host.tools.bwrap === null ? ["bubblewrap"] : []),
    ...(host.tools.socat === null ? ["socat"] : []),
  ];
  if (missing.length > 0) {
    throw unavailable(`${missing.join(" and ")} not installed`, `Run apt-get install ${missing.join(" ")}.`);
  }
  let said: string;
  try {
    const result = await run();
    if (result.exitCode === 0) {
      return {
        kind: "bwrap",
        detail: `bubblewrap at ${host.tools.bwrap}, own user, pid and network namespaces`,
      };
    }
    said = `an isolated "true" ended with ${result.exitCode ?? result.signal ?? "nothing"}: ${result.stderrTail.trim()}`;
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    said = error.message;
  }
  const cause = await findCause();
  throw unavailable(cause?.text ?? said, cause?.remedy ?? "Run bwrap by hand to see what it lacks.", said);
}

/** Looks at the facts of the system: bubblewrap's own words differ from version to version. */
async function findCause(): Promise<{ text: string; remedy: string } | null> {
  const [max, clone, apparmor, status] = await Promise.all(
    [
      "/proc/sys/user/max_user_namespaces",
      "/proc/sys/kernel/unprivileged_userns_clone",
      "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
      "/proc/self/status",
    ].map(readOrEmpty),
  );
  if (max?.trim() === "0") {
    return {
      text: "user namespaces are switched off (user.max_user_namespaces is 0)",
      remedy: "Run sysctl -w user.max_user_namespaces=15000.",
    };
  }
  if (process.getuid?.() === 0) return rootCause(status ?? "");
  if (clone?.trim() === "0") {
    return {
      text: "user namespaces are switched off for normal users (kernel.unprivileged_userns_clone is 0)",
      remedy: "Run sysctl -w kernel.unprivileged_userns_clone=1.",
    };
  }
  if (apparmor?.trim() === "1") {
    return {
      text: "AppArmor keeps normal users from user namespaces",
      remedy:
        "Give bwrap an AppArmor profile that allows userns, or run sysctl -w kernel.apparmor_restrict_unprivileged_userns=0.",
    };
  }
  return null;
}

const setfcapBit = 31n;

function rootCause(status: string): { text: string; remedy: string } | null {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) >> setfcapBit) & 1n) return null;
  return {
    text: "the worker runs as root without the capability CAP_SETFCAP, which mapping a user needs",
    remedy: "Run the worker as a normal user, or add the capability SETFCAP to its container.",
  };
}

function unavailable(cause: string, remedy: string, said?: string): UserError {
  return new UserError(
    "sandbox-unavailable",
    `The local sandbox cannot isolate commands: ${cause}.`,
    `${remedy} ${refusal}`,
    { cause: said },
  );
}

async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
