import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findEncryptionKey, readEncryptionKey } from "../../src/storage/encryption-key.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { newKey } from "./storage-stage.ts";

const child = fileURLToPath(new URL("children/read-key.ts", import.meta.url));

async function setUp() {
  const dataDir = join(await temporaryFolder(), "data");
  return { dataDir, path: join(dataDir, "encryption.key") };
}

test("a configured key is taken, and no file is made", async () => {
  const { dataDir } = await setUp();
  const configured = newKey();
  expect(await readEncryptionKey({ dataDir, configured })).toBe(configured);
  await expect(stat(dataDir)).rejects.toMatchObject({ code: "ENOENT" });
  await expect(readEncryptionKey({ dataDir, configured: Buffer.alloc(31) })).rejects.toThrow(TypeError);
});

test("else a file is made once, as ENCRYPTION_KEY would take it, for its owner only", async () => {
  const { dataDir, path } = await setUp();
  expect(await findEncryptionKey(dataDir)).toBeNull();
  const key = await readEncryptionKey({ dataDir, configured: null });
  expect(key).toHaveLength(32);
  expect(await readFile(path, "utf8")).toBe(`${key.toString("base64")}\n`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readEncryptionKey({ dataDir, configured: null })).toEqual(key);
  expect(await findEncryptionKey(dataDir)).toEqual(key);
  expect(await readdir(dataDir)).toEqual(["encryption.key"]);
});

test("two installations have two keys", async () => {
  const [one, two] = [await setUp(), await setUp()];
  const keys = [one, two].map(({ dataDir }) => readEncryptionKey({ dataDir, configured: null }));
  const [a, b] = await Promise.all(keys);
  expect(a).not.toEqual(b);
});

test("processes and callers that start at once agree on one key", { timeout: 120_000 }, async () => {
  const { dataDir } = await setUp();
  await mkdir(dataDir);
  const processes = Array.from({ length: 4 }, () =>
    spawn(process.execPath, [child, dataDir], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const started = processes.map(
    async ({ stdout }) => await new Promise((resolve) => stdout.once("data", resolve)),
  );
  await Promise.all(started);
  const answers = processes.map(({ stdout }) => text(stdout));
  for (const { stdin } of processes) stdin.end();
  const found = (await Promise.all(answers)).flatMap((answer) => answer.trim().split("\n"));
  expect(found).toHaveLength(40);
  expect(new Set(found).size).toBe(1);
  expect(await readFile(join(dataDir, "encryption.key"), "utf8")).toBe(`${found[0] ?? ""}\n`);
  expect(await readdir(dataDir)).toEqual(["encryption.key"]);
});

test.each([0o644, 0o640, 0o660, 0o604, 0o601])("a key file of mode %o is refused", async (mode) => {
  const { dataDir, path } = await setUp();
  await readEncryptionKey({ dataDir, configured: null });
  await chmod(path, mode);
  const error = { code: "encryption-key-exposed", remedy: expect.stringContaining("chmod 600") as unknown };
  await expect(readEncryptionKey({ dataDir, configured: null })).rejects.toMatchObject(error);
});

test.each([
  ["nothing", ""],
  ["a text", "not a key"],
  ["31 bytes", Buffer.alloc(31, 1).toString("base64")],
  ["33 bytes", Buffer.alloc(33, 1).toString("base64")],
  ["raw bytes", "\u0001".repeat(32)],
  ["two keys", `${Buffer.alloc(32).toString("base64")}\n${Buffer.alloc(32).toString("base64")}`],
])("%s in the key file is refused, and not told", async (_, content) => {
  const { dataDir, path } = await setUp();
  await mkdir(dataDir);
  await writeFile(path, content, { mode: 0o600 });
  const reading = readEncryptionKey({ dataDir, configured: null });
  await expect(reading).rejects.toMatchObject({ code: "encryption-key-invalid" });
  if (content !== "") await expect(reading).rejects.not.toThrow(content);
  expect(await readFile(path, "utf8")).toBe(content);
});

test("a link, a folder or a pipe in the file's place is refused and left alone", async () => {
  const { dataDir, path } = await setUp();
  await mkdir(dataDir);
  await writeFile(join(dataDir, "elsewhere"), newKey().toString("base64"), { mode: 0o600 });
  await symlink(join(dataDir, "elsewhere"), path);
  const refused = { name: "UserError", code: expect.stringMatching(/^encryption-key-/) as unknown };
  await expect(readEncryptionKey({ dataDir, configured: null })).rejects.toMatchObject(refused);
  await rm(path);
  await mkdir(path, { mode: 0o700 });
  await expect(readEncryptionKey({ dataDir, configured: null })).rejects.toMatchObject(refused);
});
