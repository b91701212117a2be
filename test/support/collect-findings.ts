import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Canary } from "./canaries.ts";
import { readDatabase } from "./read-database.ts";
import { readFolder } from "./read-folder.ts";
import type { Finding } from "./secret-scan.ts";
import type { TappedRequest } from "./tap-requests.ts";
import type { World } from "./world.ts";

/** The files of every machine, wherever it is, and of what was once copied of it. */
export async function readMachines(world: World, when: string): Promise<Finding[]> {
  const remote = world.e2b ?? world.daytona;
  const roots =
    remote === null ? await localRoots(world) : remote.machines().map(({ id }) => remote.hostPath(id, "/"));
  const files = await Promise.all(roots.map((root) => readFolder(`machine ${when}`, root)));
  return files.flat();
}

async function localRoots(world: World): Promise<string[]> {
  const folder = join(world.config.dataDir, "sandboxes");
  return (await readdir(folder)).map((name) => join(folder, name));
}

/** What is kept outside machines: the data directory without its local machines, and the whole database. */
export async function readKept(world: World, when: string): Promise<Finding[]> {
  const { dataDir } = world.config;
  const files = await readFolder(`data ${when}`, dataDir);
  return [
    ...files.filter(({ place }) => !place.startsWith(`data ${when}: sandboxes/`)),
    ...(await readDatabase(world.database.url)),
  ];
}

/** Each request in its parts: the line, each header by its name, the body. */
export function readRequests(world: World, requests: readonly TappedRequest[]): Finding[] {
  const names = namePorts(world);
  return requests.flatMap(({ port, method, url, headers, body }) => {
    const to = port === null ? "gateway" : (names.get(port) ?? `port ${port}`);
    const line = `${method} ${url}`;
    return [
      { place: `line to ${to}: ${line}`, bytes: Buffer.from(line) },
      ...Object.entries(headers).map(([name, value]) => ({
        place: `header to ${to}: ${name}`,
        bytes: Buffer.from(String(value)),
      })),
      { place: `body to ${to}: ${line}`, bytes: body() },
    ];
  });
}

/** The credentials that were made on the way: the App's signatures, installation tokens, turn tokens; of these the first is the ordinary turn's. */
export function canariesOf(requests: readonly TappedRequest[]): Canary[] {
  const values = requests.flatMap(({ headers }) => [
    ...credentialsIn(headers.authorization ?? ""),
    String(headers["x-api-key"] ?? ""),
  ]);
  const turns = new Set(values.filter((value) => value.startsWith("rct_")));
  const tokens = Array.from(turns).map((value, index): Canary => {
    return { name: `turn token ${index + 1}`, kind: index === 0 ? "turn" : "shown-turn", value };
  });
  const others = [...new Set(values)].flatMap((value): Canary[] => {
    if (value.startsWith("ghs_")) return [{ name: "installation token", kind: "github", value }];
    const signature = /^eyJ[\w-]+\.[\w-]+\.([\w-]+)$/.exec(value)?.[1];
    return signature === undefined ? [] : [{ name: "App's signature", kind: "github", value: signature }];
  });
  return [...tokens, ...others];
}

function credentialsIn(authorization: string): string[] {
  const [scheme = "", value = ""] = authorization.split(" ");
  if (scheme.toLowerCase() !== "basic") return [value];
  return [Buffer.from(value, "base64").toString().split(":")[1] ?? ""];
}

function namePorts(world: World): Map<number, string> {
  const urls: [string, string | undefined][] = [
    ["github", world.github.url],
    ["model", world.model.url],
    ["e2b", world.e2b?.apiUrl],
    ["e2b", world.e2b?.sandboxUrl],
    ["daytona", world.daytona?.apiUrl],
    ["bot", world.server.url],
    ["s3", world.config.checkpoints.s3?.url],
  ];
  return new Map(
    urls.flatMap(([name, url]) => (url === undefined ? [] : [[Number(new URL(url).port), name] as const])),
  );
}
