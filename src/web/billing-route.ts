import type { IncomingMessage, ServerResponse } from "node:http";
import type { Db } from "../../db/client.ts";
import type { PayerDoor } from "../billing/payer-door.ts";
import { systemClock } from "../clock.ts";
import type { ServerConfig } from "../config.ts";
import type { Logger } from "../log.ts";
import { createBillingPages, isBillingPath } from "./billing.ts";

type BillingRouteDeps = {
  config: Pick<ServerConfig, "billing" | "signIn" | "github" | "server">;
  db: Db;
  system: Db;
  log: Logger;
};

/** The pages of accounts' plans; where nobody is billed they say so and nothing else. */
export function createBillingRoute({ config, db, system, log }: BillingRouteDeps) {
  const { billing, signIn: client, github } = config;
  if (billing === null) return answerDisabled;
  // Stripe's client is loaded with its first use.
  let door: Promise<PayerDoor> | undefined;
  return createBillingPages({
    ...{ client, github, log, publicUrl: config.server.publicUrl },
    async openStripe(visit) {
      door ??= import("../billing/payer-door.ts").then(({ createPayerDoor }) =>
        createPayerDoor(billing, { db, system, log, clock: systemClock }),
      );
      return (await door)(visit);
    },
  });
}

function answerDisabled(request: IncomingMessage, response: ServerResponse): boolean {
  if (!isBillingPath(request.url?.split("?", 1)[0] ?? "")) return false;
  response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("Billing is disabled.\n");
  return true;
}
