import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { daytonaMachine } from "../standins/daytona/stage.ts";

vi.setConfig({ testTimeout: 60_000 });

test("files of any size go in and out byte for byte, with their mode, in the place of what was there", async (context) => {
  const { daytona, sandbox } = await daytonaMachine(context);
  for (const size of [0, 1, 32 * 1024, 32 * 1024 + 1, 3_000_000]) {
    const path = `/workspace/deep/folder ' \" $x ü 𝄞 \\/${size}`;
    const bytes = randomBytes(size);
    await sandbox.writeFile(path, "old");
    await sandbox.writeFile(path, bytes, { mode: 0o750 });
    expect(
      Buffer.compare((await sandbox.readFile(path, { maxBytes: size })) ?? Buffer.from("?"), bytes),
    ).toBe(0);
    const onHost = await stat(daytona.hostPath(sandbox.id, path));
    expect(onHost.mode & 0o777).toBe(0o750);
  }
  for (const path of ["/home/user/large", "/workspace/tmp/large"]) {
    await sandbox.writeFile(path, randomBytes(100_000));
    expect(await sandbox.readFile(path, { maxBytes: 100_000 })).toHaveLength(100_000);
  }
  expect(await readdir(daytona.hostPath(sandbox.id, "/workspace/tmp"))).toEqual(["large"]);
  await sandbox.writeFile("/home/user/text", "ü");
  expect((await stat(daytona.hostPath(sandbox.id, "/home/user/text"))).mode & 0o777).toBe(0o600);
  expect(await sandbox.readFile("/workspace/none/at/all", { maxBytes: 10 })).toBeNull();
});

test("only a regular file in plain folders of at most the given size is read", async (context) => {
  const { sandbox, sh } = await daytonaMachine(context);
  await sh(
    "cd /workspace; echo secret >$HOME/secret; ln -s $HOME/secret link; ln -s $HOME folder; mkfifo pipe; mkdir dir; head -c 300000 /dev/zero >large",
  );
  for (const name of ["link", "folder/secret", "pipe", "dir", "large"]) {
    const read = sandbox.readFile(`/workspace/${name}`, { maxBytes: 200_000 });
    await expect(read, name).rejects.toMatchObject({ fault: "refused" });
  }
  expect(await sandbox.readFile("/workspace/large", { maxBytes: 300_000 })).toHaveLength(300_000);
});

test("a link is replaced by a written file, never written through, and folders are not followed", async (context) => {
  const { sandbox, sh } = await daytonaMachine(context);
  await sh(
    "echo secret >$HOME/secret; ln -s $HOME/secret /workspace/link; ln -s $HOME /workspace/folder; mkdir /workspace/dir",
  );
  await sandbox.writeFile("/workspace/link", "new");
  const { stdoutTail } = await sh("cat $HOME/secret; test -L /workspace/link || cat /workspace/link");
  expect(stdoutTail).toBe("secret\nnew");
  await expect(sandbox.writeFile("/workspace/folder/x", "x")).rejects.toMatchObject({ fault: "refused" });
  await expect(sandbox.writeFile("/workspace/dir", "x")).rejects.toMatchObject({ fault: "refused" });
});

test.for(["relative", "/workspace/../etc/x", "/etc/x", "/workspace", "/workspace/x/", "/workspace/a\0b"])(
  "the path %j is a mistake of ours",
  async (path, context) => {
    const { sandbox } = await daytonaMachine(context);
    await expect(sandbox.writeFile(path, "x")).rejects.toThrow(TypeError);
    await expect(sandbox.readFile(path, { maxBytes: 1 })).rejects.toThrow(TypeError);
    await expect(sandbox.remove(path)).rejects.toThrow(TypeError);
  },
);

test("a transfer that breaks off is made again, never taken for a whole one", async (context) => {
  const { daytona, sandbox } = await daytonaMachine(context);
  const bytes = randomBytes(1_000_000);
  daytona.fault({ path: /bulk-upload/, when: "before", do: "reset" });
  daytona.fault({ path: /bulk-upload/, when: "after", do: { status: 502 } });
  await sandbox.writeFile("/workspace/file", bytes);
  daytona.cutNextDownload(500_000);
  daytona.cutNextDownload(40);
  const read = await sandbox.readFile("/workspace/file", { maxBytes: bytes.length });
  expect(Buffer.compare(read ?? Buffer.alloc(0), bytes)).toBe(0);
});

test("a folder goes in with its links, modes and odd names, where nothing stands yet", async (context) => {
  const { daytona, sandbox, sh } = await daytonaMachine(context);
  const folder = await temporaryFolder();
  await mkdir(join(folder, "sub dir"));
  await writeFile(join(folder, "sub dir", "-rf ü 'x'"), "content");
  await writeFile(join(folder, "run"), "#!/bin/sh\necho ran\n");
  await chmod(join(folder, "run"), 0o755);
  await symlink("/nowhere", join(folder, "link"));
  daytona.fault({ path: /bulk-upload/, when: "before", do: "reset" });
  await sandbox.putDirectory(folder, "/workspace/a/repo");
  const { stdoutTail } = await sh(
    "cd /workspace/a/repo && ./run && readlink link && cat sub*/*; ls -A /workspace /workspace/tmp",
  );
  expect(stdoutTail).toBe("ran\n/nowhere\ncontent/workspace:\na\ntmp\n\n/workspace/tmp:\n");
  expect(await readFile(daytona.hostPath(sandbox.id, "/workspace/a/repo/run"), "utf8")).toContain("ran");
  await expect(sandbox.putDirectory(folder, "/workspace/a/repo")).rejects.toMatchObject({ fault: "refused" });
  await expect(sandbox.putDirectory(join(folder, "none"), "/workspace/b")).rejects.toThrow(
    /tar ended with 2/,
  );
  await sandbox.remove("/workspace/a/repo");
  await sandbox.remove("/workspace/a/repo");
  expect((await sh("ls -A /workspace/a")).stdoutTail).toBe("");
});
