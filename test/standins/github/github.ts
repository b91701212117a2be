import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckMakers } from "./checks-makers.ts";
import type { CheckMakers } from "./checks-makers.ts";
import { openContract } from "./contract.ts";
import { openDispatch } from "./dispatch.ts";
import { openFaults } from "./faults.ts";
import { openMakers } from "./makers.ts";
import type { Makers } from "./makers.ts";
import { openPullMakers } from "./pull-makers.ts";
import type { PullMakers } from "./pull-makers.ts";
import { openReaders } from "./readers.ts";
import type { Readers } from "./readers.ts";
import { openRouter } from "./server.ts";
import type { Delivery, Permissions } from "./state.ts";
import { openIds, openTurns } from "./world.ts";
import type { World } from "./world.ts";

export type DeliveryView = Pick<
  Delivery,
  "id" | "guid" | "event" | "action" | "redelivery" | "status" | "statusCode" | "requestHeaders" | "body"
>;

/** A GitHub of one's own on a free port: REST judged by GitHub's description, git over smart HTTP, webhooks. */
export type GitHubStandin = Readers &
  Makers &
  CheckMakers &
  PullMakers &
  // `url` is for GITHUB_SERVER_URL, `apiUrl` for GITHUB_API_URL.
  Pick<World, "url" | "apiUrl" | "faults" | "effects" | "requests" | "violations" | "eventsSent"> & {
    /** What the installation tokens really exercised. */
    permissionsUsed(): Permissions;
    /** Every delivery so far; `status` is "pending" until the target has answered or failed. */
    deliveries(): DeliveryView[];
    /** Resolves when no delivery is on its way and every answer has been judged. */
    drained(): Promise<void>;
    close(): Promise<void>;
  };

/** Starts the stand-in; `dataDirectory` keeps the repositories where you say, else they vanish at `close`. */
export async function startGitHub(options?: {
  port?: number;
  dataDirectory?: string;
  now?: () => Date;
}): Promise<GitHubStandin> {
  const directory = options?.dataDirectory ?? (await mkdtemp(join(tmpdir(), "github-standin-")));
  await mkdir(directory, { recursive: true });
  const { server, port } = await listen(options?.port ?? 0);
  const url = `http://127.0.0.1:${port}`;
  const world = await openWorld({ directory, url, now: options?.now ?? (() => new Date()) });
  const dispatch = openDispatch(world);
  Object.assign(world, { emit: dispatch.emit, redeliver: dispatch.redeliver, later: dispatch.later });
  const router = openRouter(world);
  server.on("request", router.handle);
  const close = async (): Promise<void> => {
    await stop(server);
    await router.settled();
    await dispatch.close();
    if (options?.dataDirectory === undefined)
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  };
  return {
    ...openReaders(world),
    ...openMakers(world),
    ...openCheckMakers(world),
    ...openPullMakers(world),
    ...records(world),
    drained: dispatch.drained,
    close,
  };
}

async function listen(port: number): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error(`Expected a TCP port to listen on, got ${String(address)}.`);
  }
  return { server, port: address.port };
}

async function stop(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}

async function openWorld(input: Pick<World, "directory" | "url" | "now">): Promise<World> {
  const unready = (): never => {
    throw new Error("The GitHub stand-in is not started yet.");
  };
  return {
    ...input,
    apiUrl: `${input.url}/api/v3`,
    contract: await openContract(`${input.url}/unmodelled`),
    accounts: new Map(),
    apps: new Map(),
    installations: new Map(),
    repositories: new Map(),
    formerNames: new Map(),
    tokens: new Map(),
    signIns: new Map(),
    manifests: new Map(),
    attachments: [],
    deliveries: [],
    effects: [],
    requests: [],
    violations: [],
    permissionsUsed: {},
    eventsSent: new Set(),
    faults: openFaults(),
    emit: unready,
    redeliver: unready,
    later: unready,
    exclusively: openTurns(),
    nextId: openIds(),
  };
}

function records(world: World) {
  const { url, apiUrl, faults, effects, requests, violations, eventsSent } = world;
  return {
    url,
    apiUrl,
    faults,
    effects,
    requests,
    violations,
    eventsSent,
    permissionsUsed: (): Permissions => ({ ...world.permissionsUsed }),
    deliveries: (): DeliveryView[] => world.deliveries.map((delivery) => ({ ...delivery })),
  };
}
