import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { localMachine } from "../support/local-machine.ts";
import { needBwrap } from "../support/need-bwrap.ts";

beforeEach(needBwrap);

test("only the machine's own folders can be written", async () => {
  const { sh } = await localMachine();
  const { stdoutTail } = await sh(
    'for d in / /usr /usr/bin /etc /opt /opt/claude/bin /bin /lib /home /home/agent /workspace /tmp /dev /proc/sys/kernel; do touch "$d/x" 2>/dev/null && echo "$d"; done',
  );
  // /dev is a private tmpfs of bubblewrap, with nothing but harmless devices.
  expect(stdoutTail.trim().split("\n").sort()).toEqual(["/dev", "/home/agent", "/tmp", "/workspace"]);
});

test("the host's files, processes and namespaces are out of sight", async () => {
  const { dataDir, sh } = await localMachine();
  await writeFile(join(dataDir, "secret"), "host");
  const { stdoutTail } = await sh(
    `ls ${dataDir} /root /work /home /var /sys 2>&1 | grep -v "No such file"; ls /proc | grep -c '^[0-9]*$'; id -u; hostname; grep Cap /proc/self/status | sort -u -k2`,
  );
  expect(stdoutTail).not.toContain("secret");
  const lines = stdoutTail.trim().split("\n");
  expect(lines.slice(0, 2)).toEqual(["/home:", "agent"]);
  expect(Number(lines[2])).toBeLessThan(10);
  expect(lines.slice(3, 5)).toEqual(["1000", "sandbox"]);
  expect(lines.slice(5)).toEqual(["CapInh:\t0000000000000000"]);
});

test("no further namespace, no privilege, no other mount can be had from inside", async () => {
  const { sh } = await localMachine();
  for (const attempt of [
    "unshare --user true",
    "unshare --net true",
    "mount -t tmpfs none /tmp",
    "chroot / true",
    "mknod /tmp/sda b 8 0",
  ]) {
    expect((await sh(attempt)).exitCode, attempt).not.toBe(0);
  }
  const status = await sh("grep NoNewPrivs /proc/self/status");
  expect(status.stdoutTail).toBe("NoNewPrivs:\t1\n");
});

test("without a gateway there is no network at all, not even to the host's loopback", async () => {
  const server = createServer((socket) => socket.end("host"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a TCP address");
  const { sh } = await localMachine();
  const script = `curl -sS -m 2 http://127.0.0.1:${address.port}/; curl -sS -m 2 http://1.1.1.1/; ls /sys/class/net 2>/dev/null; cut -d: -f1 /proc/net/dev | tail -n +3`;
  const { stdoutTail, stderrTail } = await sh(script);
  expect(stdoutTail.trim()).toBe("lo");
  expect(stderrTail.match(/Failed to connect/g)).toHaveLength(2);
});

test("one command sees nothing of another one's processes and /tmp", async () => {
  const { sh } = await localMachine();
  await sh("echo x > /tmp/left");
  const { stdoutTail } = await sh("ls /tmp; ps -e 2>/dev/null | grep -c sleep");
  expect(stdoutTail).toBe("0\n");
});

test("a home that the agent filled with settings starts nothing", async () => {
  const { sh, sandbox } = await localMachine();
  await sh(
    "for f in .bashrc .profile .bash_profile .shrc .zshrc; do echo 'touch /workspace/ran' > $HOME/$f; done; mkdir -p $HOME/bin; printf '#!/bin/sh\\ntouch /workspace/ran' > $HOME/bin/true; chmod +x $HOME/bin/true",
  );
  await sandbox.exec({ argv: ["true"], timeoutMs: 5_000 });
  await sh("true");
  expect(await sandbox.readFile("/workspace/ran", { maxBytes: 1 })).toBeNull();
});
