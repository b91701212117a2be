import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readSettings, saveSettings } from "../../src/web/settings-file.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rc-settings-"));
  path = join(folder, ".env");
});
afterEach(() => rm(folder, { recursive: true }));

describe("readSettings", () => {
  test("lets the environment win, and an empty variable say nothing", async () => {
    await writeFile(path, "PORT=4000\nHOST=::\nLOG_LEVEL=debug\n");
    expect(readSettings(path, { PORT: "5000", HOST: "" })).toEqual({
      PORT: "5000",
      HOST: "::",
      LOG_LEVEL: "debug",
    });
  });

  test("does without a file", () => {
    expect(readSettings(path, { PORT: "5000" })).toEqual({ PORT: "5000" });
  });

  test("says when it is not a file", () => {
    expect(() => readSettings(folder, {})).toThrow(expect.objectContaining({ code: "settings-unreadable" }));
  });
});

describe("saveSettings", () => {
  const values = {
    APP_ID: "7",
    PRIVATE_KEY: "-----BEGIN RSA PRIVATE KEY-----\\nAA==\\n-----END RSA PRIVATE KEY-----",
  };

  test("makes a file that only its owner reads", async () => {
    await saveSettings(path, values);
    expect(await readFile(path, "utf8")).toBe(`APP_ID=7\nPRIVATE_KEY=${values.PRIVATE_KEY}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual([".env"]);
  });

  test.each([
    ["nothing", "", "APP_ID=7\n"],
    ["a line without an end", "PORT=1", "PORT=1\n\nAPP_ID=7\n"],
    ["Windows line ends", "PORT=1\r\n# x\r\n", "PORT=1\n# x\n\nAPP_ID=7\n"],
    ["the name without a value", "APP_ID=\nPORT=1\n", "APP_ID=7\nPORT=1\n"],
    ["the name twice", "APP_ID=\nPORT=1\nexport APP_ID =''\n", "APP_ID=7\nPORT=1\n"],
    ["the name in a comment", "# APP_ID=3\n", "# APP_ID=3\n\nAPP_ID=7\n"],
    ["a name that is longer", "MY_APP_ID=3\n", "MY_APP_ID=3\n\nAPP_ID=7\n"],
    ["a value over several lines", 'NOTE="a\nb"\n', 'NOTE="a\nb"\n\nAPP_ID=7\n'],
  ])("goes into a file that holds %s", async (_, before, after) => {
    await writeFile(path, before);
    await saveSettings(path, { APP_ID: "7" });
    expect(await readFile(path, "utf8")).toBe(after);
  });

  test.each(["APP_ID=1", "PRIVATE_KEY=x", "PRIVATE_KEY_PATH=/k.pem", "WEBHOOK_SECRET=s"])(
    "leaves a file alone that has %s",
    async (line) => {
      await writeFile(path, `${line}\n`);
      await expect(saveSettings(path, values)).rejects.toMatchObject({ code: "app-already-saved" });
      expect(await readFile(path, "utf8")).toBe(`${line}\n`);
    },
  );

  test.each([
    ["a value that looks like our line", 'NOTE="a\nAPP_ID=\nb"\n', values],
    ["a value that cannot be read back", "", { APP_ID: "7 # eight" }],
  ])("refuses %s rather than change its meaning", async (_, before, given) => {
    await writeFile(path, before);
    await expect(saveSettings(path, given)).rejects.toMatchObject({ code: "settings-unmergeable" });
    expect(await readFile(path, "utf8")).toBe(before);
  });

  test("follows a link to the file itself", async () => {
    const real = join(folder, "real.env");
    await writeFile(real, "PORT=1\n");
    await symlink(real, path);
    await saveSettings(path, { APP_ID: "7" });
    expect(await readFile(real, "utf8")).toBe("PORT=1\n\nAPP_ID=7\n");
  });

  test("says what to do when there is no folder for it, and leaves nothing behind", async () => {
    const missing = join(folder, "missing", ".env");
    await expect(saveSettings(missing, values)).rejects.toMatchObject({
      code: "settings-unwritable",
      remedy: expect.stringContaining("mount its folder") as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });
});
