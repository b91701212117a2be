import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { pino } from "pino";
import { readConfig } from "../../src/config.ts";
import { openFleet } from "../../src/sandbox/open-fleet.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const log = pino({ level: "silent" });

test("the configured providers, in their order", async () => {
  const config = readConfig({
    DATA_DIR: await temporaryFolder(),
    SANDBOX_PROVIDER: "e2b,local,daytona",
    E2B_API_KEY: `e2b_${"0".repeat(40)}`,
    DAYTONA_API_KEY: "dtn_standin",
    PUBLIC_URL: "https://claude.acme.example",
  });
  const fleet = await openFleet(config, log);
  expect(fleet.providers).toEqual(["e2b", "local", "daytona"]);
  expect(Object.values(fleet.state()).map(({ state }) => state)).toEqual(["closed", "closed", "closed"]);
});

test("no vendor's SDK is loaded for the local provider", () => {
  const url = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) { if (/node_modules.(e2b|@daytona)/.test(url)) console.log(url); return next(url, context); } });
    const { openFleet } = await import(${url("sandbox/open-fleet.ts")});
    const { readConfig } = await import(${url("config.ts")});
    console.log((await openFleet(readConfig({}), { warn() {}, info() {} })).providers.join());`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  expect({ stdout, stderr, status }).toEqual({ stdout: "local\n", stderr: "", status: 0 });
});
