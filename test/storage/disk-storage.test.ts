import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, readdir, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { createDiskStorage } from "../../src/storage/disk-storage.ts";
import { explainDiskFault } from "../../src/storage/disk-fault.ts";
import { untilTrue } from "../support/until-true.ts";
import { listKeys, openDesk } from "./storage-stage.ts";

const child = fileURLToPath(new URL("children/put-on-disk.ts", import.meta.url));

async function setUp() {
  const desk = await openDesk();
  const directory = join(desk.folder, "data", "kept");
  return { ...desk, directory, storage: await createDiskStorage({ directory }) };
}

const unfinished = async (directory: string) =>
  (await readdir(directory)).filter((name) => name.startsWith(".part-"));

test("folders are the owner's alone, and so are files whatever their source was", async () => {
  const { storage, directory, file } = await setUp();
  await storage.put("a/b", await file("x"));
  const modes = [join(directory, ".."), directory, join(directory, "a.b")].map(async (path) =>
    ((await stat(path)).mode & 0o777).toString(8),
  );
  expect(await Promise.all(modes)).toEqual(["700", "700", "600"]);
});

test("what is no object of ours is neither listed nor touched", async () => {
  const { storage, directory, file } = await setUp();
  await storage.put("a", await file("x"));
  for (const name of ["README", ".hidden", ".part-000", "a..b", "lost+found"]) {
    await writeFile(join(directory, name), "other");
  }
  await mkdir(join(directory, "folder"));
  expect(await listKeys(storage, "")).toEqual(["a"]);
});

test(
  "a put that is killed leaves what was there before, and nothing half",
  { timeout: 120_000 },
  async () => {
    const { directory, storage, file, folder, target } = await setUp();
    await storage.put("whole", await file("as it was"));
    const large = await file("");
    await truncate(large.path, 2 ** 30);
    for (const [key, atBytes] of [
      ["new", 1],
      ["whole", 1],
      ["new", 2 ** 24],
      ["whole", 2 ** 26],
    ] as const) {
      const before = await unfinished(directory);
      const killed = spawn(process.execPath, [child, directory, key, large.path], { stdio: "ignore" });
      onTestFinished(() => void killed.kill("SIGKILL"));
      await untilTrue(async () => {
        expect(killed.exitCode, "it ended before it was killed").toBeNull();
        const [name] = (await unfinished(directory)).filter((one) => !before.includes(one));
        return name !== undefined && (await stat(join(directory, name))).size >= atBytes;
      }, 60_000);
      killed.kill("SIGKILL");
      await once(killed, "exit");
      expect(await unfinished(directory)).toHaveLength(before.length + 1);
      expect(await listKeys(storage, "")).toEqual(["whole"]);
      expect(await storage.get("new", target)).toBeNull();
      await storage.get("whole", join(folder, "came-back"));
      expect(await readFile(join(folder, "came-back"), "utf8")).toBe("as it was");
    }
  },
);

test("what killed processes left goes after a day, what may still be written stays", async () => {
  const { directory, file, storage } = await setUp();
  await storage.put("a", await file("x"));
  const now = new Date("2030-01-02T00:00:00Z");
  for (const [name, age] of [
    [".part-old", 25],
    [".part-new", 23],
    ["b", 1000],
  ] as const) {
    await writeFile(join(directory, name), "half");
    const at = new Date(now.getTime() - age * 60 * 60_000);
    await utimes(join(directory, name), at, at);
  }
  await createDiskStorage({ directory }, { clock: { now: () => now } });
  expect((await readdir(directory)).sort()).toEqual([".part-new", "a", "b"]);
});

test("a full disk is the operator's to mend, and leaves what was there before", async () => {
  const { directory, storage, file, target } = await setUp();
  await storage.put("a", await file("as it was"));
  const large = await file(Buffer.alloc(3_000_000));
  const args = ["--fsize=1000000", process.execPath, child, directory, "a", large.path];
  const { stdout } = await promisify(execFile)("prlimit", args);
  expect(JSON.parse(stdout)).toMatchObject({
    name: "UserError",
    code: "storage-full",
    remedy: expect.stringContaining("CHECKPOINT_S3_URL") as unknown,
  });
  expect(await readdir(directory)).toEqual(["a"]);
  await storage.get("a", target);
  expect(await readFile(target, "utf8")).toBe("as it was");
});

test.each([
  ["ENOSPC", "storage-full"],
  ["EDQUOT", "storage-full"],
  ["EFBIG", "storage-full"],
  ["EACCES", "storage-unwritable"],
  ["EPERM", "storage-unwritable"],
  ["EROFS", "storage-unwritable"],
  ["EIO", "EIO"],
])("%s is %s", (code, expected) => {
  const error = Object.assign(new Error("as the system says"), { code });
  expect(explainDiskFault(error, "/data/kept")).toMatchObject({ code: expected });
});
