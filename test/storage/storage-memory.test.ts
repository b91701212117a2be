import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { setUpS3 } from "./storage-stage.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const child = fileURLToPath(new URL("children/store-large-file.ts", import.meta.url));

async function measure(megabytes: number, s3?: object): Promise<unknown> {
  const args = [
    child,
    await temporaryFolder(),
    String(megabytes),
    ...(s3 === undefined ? [] : [JSON.stringify(s3)]),
  ];
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
}

const within = (megabytes: number) => ({
  same: true,
  grownMb: expect.toSatisfy((grown: number) => grown < megabytes) as unknown,
});

test("300 MB go to disk and back, sealed, in less than 30 MB of memory", { timeout: 120_000 }, async () => {
  expect(await measure(300)).toEqual(within(30));
});

test(
  "100 MB go to a bucket and back, sealed, in less than 60 MB of memory",
  { timeout: 120_000 },
  async () => {
    const { url, region, accessKeyId, secretAccessKey } = (await setUpS3()).s3;
    expect(await measure(100, { url, region, accessKeyId, secretAccessKey })).toEqual(within(60));
  },
);
