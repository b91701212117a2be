import { chmod, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { e2bMachine, lease } from "./e2b-fixture.ts";

const refused = { name: "SandboxError", fault: "refused" };

test("a file is written whole, for its owner alone, with the folders above it", async () => {
  const { e2b, sandbox } = await e2bMachine();
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, n) => (n * 7) % 256));
  await sandbox.writeFile("/workspace/a/b/it's a $name.bin", bytes);
  await sandbox.writeFile("/home/user/script", "#!/bin/sh\n", { mode: 0o755 });
  expect(
    Buffer.from((await sandbox.readFile("/workspace/a/b/it's a $name.bin", { maxBytes: 70_000 })) ?? []),
  ).toEqual(bytes);
  const modes = ["/workspace/a/b/it's a $name.bin", "/home/user/script"].map(async (path) => {
    return ((await stat(e2b.hostPath(sandbox.id, path))).mode & 0o777).toString(8);
  });
  expect(await Promise.all(modes)).toEqual(["600", "755"]);
  await sandbox.writeFile("/home/user/script", "");
  expect(await sandbox.readFile("/home/user/script", { maxBytes: 0 })).toEqual(new Uint8Array());
});

test("what is no plain file is told, not read", async () => {
  const { sandbox, sh } = await e2bMachine();
  await sh("mkdir -p /workspace/folder /workspace/real; echo 12345 > /workspace/real/file");
  await sh(
    "ln -s /etc/hostname /workspace/link; ln -s /workspace/real /workspace/through; mkfifo /workspace/pipe",
  );
  expect(await sandbox.readFile("/workspace/none", { maxBytes: 10 })).toBeNull();
  expect(await sandbox.readFile("/workspace/none/at/all", { maxBytes: 10 })).toBeNull();
  for (const name of ["folder", "link", "through/file", "pipe"]) {
    await expect(sandbox.readFile(`/workspace/${name}`, { maxBytes: 10 })).rejects.toMatchObject(refused);
  }
  await expect(sandbox.readFile("/workspace/real/file", { maxBytes: 5 })).rejects.toMatchObject(refused);
  expect(await sandbox.readFile("/workspace/real/file", { maxBytes: 6 })).toHaveLength(6);
});

test("a file that grows while it is read is cut off", async () => {
  const { e2b, sandbox } = await e2bMachine();
  await sandbox.writeFile("/workspace/file", "x".repeat(1_000));
  const path = e2b.hostPath(sandbox.id, "/workspace/file");
  // The look at its size comes first; then it grows past what was asked for.
  const reading = sandbox.readFile("/workspace/file", { maxBytes: 1_000 });
  const growing = writeFile(path, "x".repeat(2_000_000));
  const outcome = await reading.then(
    (bytes) => bytes?.length,
    (error: unknown) => error,
  );
  await growing;
  if (outcome !== 1_000) expect(outcome).toMatchObject(refused);
});

test("a write replaces a link and does not go through one", async () => {
  const { e2b, sandbox, sh } = await e2bMachine();
  const outside = join(await temporaryFolder(), "outside");
  await writeFile(outside, "kept");
  await sh(`ln -s '${outside}' /workspace/link; mkdir /workspace/folder; ln -s /home/user /workspace/home`);
  await sandbox.writeFile("/workspace/link", "new");
  expect(await readFile(outside, "utf8")).toBe("kept");
  expect(await readFile(e2b.hostPath(sandbox.id, "/workspace/link"), "utf8")).toBe("new");
  await expect(sandbox.writeFile("/workspace/folder", "x")).rejects.toMatchObject(refused);
  await expect(sandbox.writeFile("/workspace/home/x", "x")).rejects.toMatchObject(refused);
  await expect(sandbox.writeFile("/workspace/link/x", "x")).rejects.toMatchObject(refused);
  const drafts = await sh("ls -A /workspace/tmp | grep -v .runs");
  expect(drafts.stdoutTail).toBe("");
});

test.each([
  "/etc/passwd",
  "workspace/x",
  "/workspace/../etc/x",
  "/workspace/",
  "/workspace",
  "/workspace/a\0b",
])("%j is no path of a machine's own", async (path) => {
  const { sandbox } = await e2bMachine();
  await expect(sandbox.readFile(path, { maxBytes: 1 })).rejects.toThrow(TypeError);
  await expect(sandbox.writeFile(path, "x")).rejects.toThrow(TypeError);
  await expect(sandbox.putDirectory("/nowhere", path)).rejects.toThrow(TypeError);
});

test("a directory arrives with its modes and links, at a place that was free", async () => {
  const { sandbox, sh } = await e2bMachine();
  const folder = await temporaryFolder();
  await mkdir(join(folder, "sub", ".git"), { recursive: true });
  await writeFile(join(folder, "sub", "it's $x"), "text");
  await chmod(join(folder, "sub", "it's $x"), 0o755);
  await symlink("../elsewhere", join(folder, "sub", "link"));
  await sandbox.putDirectory(folder, "/workspace/deep/repo");
  const { stdoutTail } = await sh(
    `cd /workspace/deep/repo/sub; stat -c %a "it's \\$x"; readlink link; ls -A`,
  );
  expect(stdoutTail.trim().split("\n")).toEqual(["755", "../elsewhere", ".git", "it's $x", "link"]);
  await expect(sandbox.putDirectory(folder, "/workspace/deep/repo")).rejects.toMatchObject(refused);
  expect((await sh("ls -A /workspace/tmp | grep -v .runs")).stdoutTail).toBe("");
});

test("a directory that is not there is told, and nothing is put", async () => {
  const { sandbox, sh } = await e2bMachine();
  await expect(sandbox.putDirectory("/nowhere/at/all", "/workspace/repo")).rejects.toThrow("tar");
  expect((await sh("ls -A /workspace")).stdoutTail).toBe("tmp\n");
});

test.each([
  ["small", "text", 0],
  ["large", "text".repeat(10_000), 1],
])("a %s file's way through a dropped connection is taken once more", async (_, text, transfers) => {
  const { e2b, sandbox } = await e2bMachine();
  const sent = () => e2b.calls.filter(({ path }) => path.startsWith("/files")).length;
  e2b.fault({ path: /Process\/Start/, when: "after", do: "reset" });
  if (transfers > 0) e2b.fault({ method: "POST", path: /^\/files/, when: "after", do: "reset" });
  await sandbox.writeFile("/workspace/file", text);
  expect(sent()).toBe(transfers * 2);
  if (transfers > 0) e2b.fault({ method: "GET", path: /^\/files/, when: "before", do: { status: 503 } });
  else e2b.fault({ path: /Process\/Start/, when: "after", do: "reset" });
  const read = await sandbox.readFile("/workspace/file", { maxBytes: text.length });
  expect(Buffer.from(read ?? []).toString()).toBe(text);
  expect(sent()).toBe(transfers * 4);
});

test("what is removed is gone, and removing nothing is no fault", async () => {
  const { sandbox, sh } = await e2bMachine();
  await sh("mkdir -p '/workspace/a b/c'; touch '/workspace/a b/c/-rf'");
  await sandbox.remove("/workspace/a b");
  await sandbox.remove("/workspace/a b");
  expect((await sh("ls -A /workspace")).stdoutTail).toBe("tmp\n");
});

test.each([
  ["a full disk", { path: /^\/files/, answer: { status: 507 } }, "refused"],
  ["a token that is none any more", { path: /^\/files/, answer: { status: 401 } }, "transient"],
  ["a daemon that does not answer", { path: /Process\/Start/, answer: { status: 502 } }, "transient"],
] as const)("%s is no fault of the key and no end of the machine", async (_, { path, answer }, fault) => {
  const { e2b, sandbox } = await e2bMachine();
  e2b.fault({ path, when: "before", do: answer, times: 8 });
  // Too large for a command line: it takes both doors.
  const written = sandbox.writeFile("/workspace/file", "text".repeat(10_000));
  await expect(written).rejects.toMatchObject({ name: "SandboxError", fault });
});

test("a paused machine is not taken for one that is gone", async () => {
  const { provider, sandbox } = await e2bMachine();
  await provider.pauseById(sandbox.id);
  const asleep = { name: "SandboxError", fault: "transient" };
  await expect(sandbox.writeFile("/workspace/file", "text")).rejects.toMatchObject(asleep);
  await expect(sandbox.readFile("/workspace/file", { maxBytes: 1 })).rejects.toMatchObject(asleep);
  await expect(sandbox.remove("/workspace/file")).rejects.toMatchObject(asleep);
  await expect(sandbox.exec({ argv: ["true"], timeoutMs: 1_000 })).rejects.toMatchObject(asleep);
  await expect(sandbox.extend(lease.timeoutMs + 60_000)).rejects.toMatchObject(asleep);
  await provider.killById(sandbox.id);
  const gone = { name: "SandboxError", fault: "gone" };
  await expect(sandbox.writeFile("/workspace/file", "text")).rejects.toMatchObject(gone);
  await expect(sandbox.readFile("/workspace/file", { maxBytes: 1 })).rejects.toMatchObject(gone);
  await expect(sandbox.putDirectory(await temporaryFolder(), "/workspace/x")).rejects.toMatchObject(gone);
  await expect(sandbox.extend(lease.timeoutMs + 60_000)).rejects.toMatchObject(gone);
  await expect(sandbox.pause()).rejects.toMatchObject(gone);
});
