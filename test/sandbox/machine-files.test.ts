import { execFileSync, spawn } from "node:child_process";
import { lstat, mkdir, mkdtemp, readFile, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createMachineFiles } from "../../src/sandbox/machine-files.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

async function setUp() {
  const folder = await temporaryFolder();
  const [workspace, outside] = [join(folder, "workspace"), join(folder, "outside")];
  await mkdir(workspace);
  await mkdir(outside);
  await writeFile(join(outside, "secret"), "secret of the host");
  return {
    folder,
    workspace,
    outside,
    files: createMachineFiles([{ inside: "/workspace", host: workspace }]),
  };
}

const refused = { name: "SandboxError", fault: "refused" };

test("a file is written with its parents, read back and replaced", async () => {
  const { files, workspace } = await setUp();
  await files.write("/workspace/a/b/c.txt", "one", 0o600);
  await files.write("/workspace/a/b/c.txt", new Uint8Array([0, 255]), 0o755);
  expect(await files.read("/workspace/a/b/c.txt", 2)).toEqual(Buffer.from([0, 255]));
  expect((await lstat(join(workspace, "a/b/c.txt"))).mode & 0o777).toBe(0o755);
  expect(await readdir(join(workspace, "a/b"))).toEqual(["c.txt"]);
});

test("what is not there is null", async () => {
  const { files } = await setUp();
  expect(await files.read("/workspace/no", 1)).toBeNull();
  expect(await files.read("/workspace/no/such/folder", 1)).toBeNull();
});

test.each([
  "/workspace",
  "/workspace/",
  "/workspace/../x",
  "/workspace/./x",
  "/workspace/a//b",
  "/etc/passwd",
  "x",
  "/workspacex/y",
  "/workspace/a\0b",
])("%j is no path of the machine", async (path) => {
  const { files } = await setUp();
  await expect(files.read(path, 10)).rejects.toThrow(TypeError);
  await expect(files.write(path, "x", 0o600)).rejects.toThrow(TypeError);
});

test("a link in the place of the file is not read, and a write replaces it", async () => {
  const { files, workspace, outside } = await setUp();
  await symlink(join(outside, "secret"), join(workspace, "link"));
  await expect(files.read("/workspace/link", 100)).rejects.toMatchObject(refused);
  await files.write("/workspace/link", "mine", 0o600);
  expect(await readFile(join(outside, "secret"), "utf8")).toBe("secret of the host");
  expect((await lstat(join(workspace, "link"))).isFile()).toBe(true);
});

test.each(["link/secret", "a/link/secret", "link/new/secret"])(
  "a linked parent folder is not passed: %s",
  async (path) => {
    const { files, workspace, outside } = await setUp();
    await mkdir(join(workspace, "a"));
    await symlink(outside, join(workspace, "link"));
    await symlink("../../outside", join(workspace, "a/link"));
    await expect(files.read(`/workspace/${path}`, 100)).rejects.toMatchObject(refused);
    await expect(files.write(`/workspace/${path}`, "x", 0o600)).rejects.toMatchObject(refused);
    await expect(files.putDirectory(workspace, `/workspace/${path}`)).rejects.toMatchObject(refused);
    expect(await readdir(outside)).toEqual(["secret"]);
    expect(await readFile(join(outside, "secret"), "utf8")).toBe("secret of the host");
  },
);

test("a folder swapped for a link again and again never leads out", async () => {
  const { files, workspace, outside } = await setUp();
  await mkdir(join(workspace, "real"));
  await writeFile(join(workspace, "real/secret"), "inside");
  // Renames in a tight loop, as an agent in the background could do.
  const swap = `
    const fs = require("node:fs");
    process.chdir(${JSON.stringify(workspace)});
    fs.symlinkSync(${JSON.stringify(outside)}, "evil");
    const end = Date.now() + 700;
    while (Date.now() < end) {
      try { fs.renameSync("real", "spare"); fs.renameSync("evil", "real"); } catch {}
      try { fs.renameSync("real", "evil"); fs.renameSync("spare", "real"); } catch {}
    }`;
  const swapper = spawn(process.execPath, ["-e", swap], { stdio: "ignore" });
  const over = new Promise((resolve) => swapper.once("exit", resolve));
  const seen = new Set<string>();
  let running = true;
  void over.then(() => (running = false));
  while (running) {
    const result = await files.read("/workspace/real/secret", 100).then(
      (bytes) => (bytes === null ? "null" : Buffer.from(bytes).toString()),
      (error: unknown) => (error instanceof Error ? error.name : "?"),
    );
    seen.add(result);
    await files.write("/workspace/real/written", "x", 0o600).catch(() => undefined);
  }
  expect([...seen].filter((entry) => entry.includes("host"))).toEqual([]);
  expect(seen).toContain("inside");
  expect(await readdir(outside)).toEqual(["secret"]);
});

test("named pipes, sockets and folders are refused without waiting", async () => {
  const { files, workspace } = await setUp();
  execFileSync("mkfifo", [join(workspace, "pipe")]);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(workspace, "socket"), resolve));
  onTestFinished(() => void server.close());
  await mkdir(join(workspace, "folder"));
  for (const name of ["pipe", "socket", "folder"]) {
    await expect(files.read(`/workspace/${name}`, 100), name).rejects.toMatchObject(refused);
    await expect(files.open(`/workspace/${name}`), name).rejects.toMatchObject(refused);
  }
  await expect(files.write("/workspace/folder", "x", 0o600)).rejects.toMatchObject(refused);
});

test("a file above the limit is refused before it is read", async () => {
  const { files, workspace } = await setUp();
  await writeFile(join(workspace, "big"), "x".repeat(101));
  expect(await files.read("/workspace/big", 101)).toHaveLength(101);
  await expect(files.read("/workspace/big", 100)).rejects.toMatchObject(refused);
  execFileSync("truncate", ["-s", "1T", join(workspace, "sparse")]);
  await expect(files.read("/workspace/sparse", 1_000_000)).rejects.toMatchObject(refused);
});

test("a folder on another disk is copied in, links as they are", async () => {
  const { files, workspace } = await setUp();
  const source = await mkdtemp("/dev/shm/remote-claude-test-");
  onTestFinished(() => rm(source, { recursive: true, force: true }));
  await writeFile(join(source, "file"), "x");
  await symlink("/etc/passwd", join(source, "link"));
  await files.putDirectory(source, "/workspace/repo");
  expect(await readFile(join(workspace, "repo/file"), "utf8")).toBe("x");
  expect(await readlink(join(workspace, "repo/link"))).toBe("/etc/passwd");
});

test("a folder of the host is moved in, and never over something", async () => {
  const { files, folder, workspace } = await setUp();
  const source = join(folder, "source");
  await mkdir(join(source, "sub"), { recursive: true });
  await writeFile(join(source, "sub/file"), "x");
  await files.putDirectory(source, "/workspace/new/repo");
  expect(await readFile(join(workspace, "new/repo/sub/file"), "utf8")).toBe("x");
  await expect(lstat(source)).rejects.toMatchObject({ code: "ENOENT" });
  await mkdir(source);
  await expect(files.putDirectory(source, "/workspace/new/repo")).rejects.toMatchObject(refused);
  await symlink("/etc", join(workspace, "etc"));
  await expect(files.putDirectory(source, "/workspace/etc")).rejects.toMatchObject(refused);
});
