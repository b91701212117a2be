import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readConfig, readServerConfig } from "../src/config.ts";
import { createTestDatabase } from "./support/database.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { untilTrue } from "./support/until-true.ts";

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const secret = "a webhook secret that is long enough";
const app = { APP_ID: "7", WEBHOOK_SECRET: secret };

test.each([
  ["no key at all", app],
  ["a key in the environment", { ...app, PRIVATE_KEY: privateKey }],
  ["a path that it cannot read", { ...app, PRIVATE_KEY_PATH: "/nowhere.pem" }],
])("the server is content with %s, and keeps none", (_name, source) => {
  const config = readServerConfig(source);
  expect(config.app).toEqual({ id: 7, webhookSecrets: [secret] });
  expect(JSON.stringify(config)).not.toContain("PRIVATE KEY");
});

test("whoever mints tokens needs the key", () => {
  expect(() => readConfig(app)).toThrow("PRIVATE_KEY or PRIVATE_KEY_PATH: missing");
  expect(readConfig({ ...app, PRIVATE_KEY: privateKey }).app?.privateKey).toBe(privateKey.trim());
});

test.each([{ PRIVATE_KEY: privateKey }, { APP_ID: "7" }, { APP_ID: "7", PRIVATE_KEY: privateKey }])(
  "half an App is refused by the server too: %#",
  (source) => expect(() => readServerConfig(source)).toThrow("set all of them"),
);

test("npm start hands the key to the worker and not to the server", async () => {
  const database = await createTestDatabase();
  const folder = await temporaryFolder();
  const start = fileURLToPath(new URL("../src/start.ts", import.meta.url));
  const supervisor = spawn(process.execPath, [start], {
    cwd: folder,
    stdio: "ignore",
    env: {
      ...{ PATH: process.env.PATH, HOME: folder, ...app, PRIVATE_KEY: privateKey },
      ...{ DATABASE_URL: database.url, DATA_DIR: folder, PORT: "0", HOST: "127.0.0.1" },
      ...{ LOG_LEVEL: "silent", SANDBOX_LOCAL_ISOLATION: "none", GITHUB_API_URL: "http://127.0.0.1:1" },
    },
  });
  try {
    const held = new Map<string, string>();
    await untilTrue(async () => {
      for (const name of ["server", "worker"]) held.set(name, await readEnvironOf(supervisor.pid ?? 0, name));
      return [...held.values()].every((environ) => environ !== "");
    }, 60_000);
    expect(held.get("server")).toContain(secret);
    expect(held.get("server")).not.toContain("PRIVATE_KEY");
    expect(held.get("worker")).toContain("PRIVATE_KEY=");
  } finally {
    const over = new Promise((resolve) => supervisor.once("exit", resolve));
    supervisor.kill("SIGTERM");
    await over;
    await database.close();
  }
});

/** What the kernel shows of a child that runs this script; empty while there is none. */
async function readEnvironOf(parent: number, name: string): Promise<string> {
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    if (!(await read("status")).includes(`\nPPid:\t${parent}\n`)) continue;
    if ((await read("cmdline")).includes(`/src/${name}.ts`)) return read("environ");
  }
  return "";
}
