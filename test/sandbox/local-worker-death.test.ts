import { spawn } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { findCgroupHome } from "../../src/sandbox/cgroup.ts";
import { localProvider } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { untilTrue } from "../support/until-true.ts";

describe.each(["bwrap", "none"] as const)("a worker killed with SIGKILL, isolation %s", (isolation) => {
  beforeEach((context) => (isolation === "bwrap" ? needBwrap(context) : undefined));

  test("its command is ended, at the latest when the next worker takes the machine", async () => {
    const dataDir = await temporaryFolder();
    const seconds = String(300_000 + Math.floor(Math.random() * 100_000));
    const script = new URL("../support/hold-machine.ts", import.meta.url).pathname;
    const worker = spawn(process.execPath, [script, dataDir, isolation, seconds], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void worker.kill("SIGKILL"));
    const id = await new Promise<string>((resolve, reject) => {
      worker.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
      worker.once("exit", () => reject(new Error("the worker ended before it was ready")));
    });
    const left = async () =>
      (await commandLines()).filter((line) => line.includes(seconds) && !line.includes(dataDir));
    expect((await left()).length).toBeGreaterThan(0);
    const dead = new Promise((resolve) => worker.once("exit", resolve));
    worker.kill("SIGKILL");
    await dead;
    if (isolation === "none") {
      await untilTrue(async () => (await readdir(`${dataDir}/sandboxes/${id}/run`)).length === 1);
      const next = await localProvider(dataDir, { isolation }).connect(id, { timeoutMs: 60_000, egress: [] });
      expect((await next.exec({ argv: ["true"], timeoutMs: 10_000 })).exitCode).toBe(0);
    }
    // What left its process group on purpose is beyond reach without isolation, unless a cgroup holds it.
    const beyondReach = isolation === "none" && (await findCgroupHome()) === null ? 1 : 0;
    await untilTrue(async () => (await left()).length <= beyondReach);
  });
});

async function commandLines(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
}
