import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openClock } from "./clock.ts";
import { openControls } from "./controls.ts";
import type { StripeControls } from "./controls.ts";
import { openFaults } from "./faults.ts";
import type { StripeFault } from "./faults.ts";
import { openGates } from "./gates.ts";
import { openIdempotencyKeys } from "./idempotency.ts";
import { readSlice } from "./read-slice.ts";
import { serve } from "./serve.ts";
import { openDeliveries } from "./webhooks.ts";
import type { Deliveries } from "./webhooks.ts";
import type { StripeRequest, World } from "./world.ts";

export type StripeOptions = {
  port?: number;
  /** Time stands still here until it is passed; without it, it runs with the machine's. */
  startAt?: Date;
  apiKey?: string;
  /** Makes the key a restricted one (`rk_test_…`) that may do these operations alone. */
  allowed?: readonly string[];
  /** For faults with a `chance`; numbers in [0, 1). */
  random?: () => number;
};

export type StripeStandin = {
  apiKey: string;
  /** `http://127.0.0.1:PORT`, https://api.stripe.com in the real world. */
  url: string;
  /** What the genuine SDK is given as its options to speak to this server. */
  sdk: { host: string; port: number; protocol: "http" };
  requests: readonly StripeRequest[];
  /** What our own code must never do; a test that ends with one has failed. Tests that provoke one take it out. */
  violations: string[];
  fault(fault: StripeFault): void;
  clearFaults(): void;
  webhooks: Deliveries;
  control: StripeControls;
  close(): Promise<void>;
};

/** Starts a server that speaks the part of Stripe's API that billing needs, in test mode, on 127.0.0.1 over plain HTTP. */
export async function startStripe(options: StripeOptions = {}): Promise<StripeStandin> {
  const clock = openClock(options.startAt);
  const world: World = {
    apiKey:
      options.apiKey ??
      `${options.allowed === undefined ? "sk" : "rk"}_test_${randomBytes(24).toString("hex")}`,
    allowed: options.allowed === undefined ? null : new Set(options.allowed),
    apiVersion: readSlice().apiVersion,
    clock,
    faults: openFaults(options.random ?? Math.random),
    gates: openGates(),
    keys: openIdempotencyKeys(() => clock.nowMs()),
    deliveries: openDeliveries(),
    requests: [],
    violations: [],
    objects: new Map(),
    meterEvents: [],
    metering: new Set(),
    meterLagMs: 0,
    graceMs: 60 * 60 * 1000,
    cards: new Map(),
    subscriptions: new Map(),
    usage: new Map(),
  };
  const server = createServer((request, response) => {
    serve(world, request, response).catch((error: unknown) => {
      // A client that gives up in the middle of its request ends the reading of it.
      if (error instanceof Error && "code" in error && error.code === "ECONNRESET") return;
      world.violations.push(`the stand-in itself failed: ${String(error)}`);
      response.destroy();
    });
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    apiKey: world.apiKey,
    url: `http://127.0.0.1:${port}`,
    sdk: { host: "127.0.0.1", port, protocol: "http" },
    requests: world.requests,
    violations: world.violations,
    fault: (fault) => world.faults.add(fault),
    clearFaults: () => world.faults.clear(),
    webhooks: world.deliveries,
    control: openControls(world),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await world.deliveries.settled();
    },
  };
}
