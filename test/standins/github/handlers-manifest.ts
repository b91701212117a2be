import { textOf } from "./call.ts";
import type { Handler } from "./call.ts";
import { appFacts } from "./facts.ts";
import { notFound } from "./http-error.ts";
import { must } from "./world.ts";

/** The last step of the manifest flow: a code, once, for everything that is secret about the new App. */
export const manifestHandlers: Record<string, Handler> = {
  "apps/create-from-manifest": (world, call) => {
    const code = textOf(call, "code");
    const pending = world.manifests.get(code);
    world.manifests.delete(code);
    if (pending === undefined || pending.expiresAt <= world.now().getTime()) throw notFound();
    const app = must(world.apps.get(pending.appId), `app ${pending.appId}`);
    const { clientId, clientSecret, privateKey } = app;
    const secrets = {
      client_id: clientId,
      client_secret: clientSecret,
      webhook_secret: pending.webhookSecret,
    };
    return { status: 201, facts: { ...appFacts(world, app), ...secrets, pem: privateKey } };
  },
};
