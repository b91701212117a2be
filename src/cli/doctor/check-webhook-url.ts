import { z } from "zod";
import type { Config } from "../../config.ts";
import { toGitHubError } from "../../github/github-error.ts";
import { webhookPath } from "../../web/app-manifest.ts";
import { fail, ok, warn, type CheckResult } from "./check.ts";
import type { AppFacts } from "./read-app.ts";

const hook = z.object({
  url: z.string().default(""),
  content_type: z.string().optional(),
  insecure_ssl: z.union([z.string(), z.number()]).optional(),
});

/** Whether GitHub sends the App's webhooks to where this server takes them. */
export async function checkWebhookUrl(config: Config, facts: AppFacts): Promise<CheckResult> {
  const { data } = await facts.octokit.rest.apps.getWebhookConfigForApp().catch((error: unknown) => {
    throw toGitHubError(error, "asking for the App's webhook");
  });
  const { url, content_type: contentType, insecure_ssl: insecure } = hook.parse(data);
  const { publicUrl, webhookProxyUrl } = config.server;
  const wanted = webhookProxyUrl ?? (publicUrl === null ? null : `${publicUrl}${webhookPath}`);
  const at = `at ${facts.settingsUrl}`;
  if (wanted === null) {
    return warn(
      `GitHub sends to ${url === "" ? "nowhere" : url}, and neither PUBLIC_URL nor WEBHOOK_PROXY_URL says where this server is`,
      `Set PUBLIC_URL. Until then commands may be found only by the search for missed deliveries, every ${config.missedDeliveriesMinutes} minutes.`,
    );
  }
  if (url === "") {
    return fail("the App has no webhook", `Switch it on and set its URL to ${wanted} ${at}.`);
  }
  if (url.replace(/\/+$/, "") !== wanted) {
    return fail(
      `expected GitHub to send to ${wanted}, but the App says ${url}`,
      `Set the webhook URL to ${wanted} ${at}.`,
    );
  }
  if (contentType !== undefined && contentType !== "json") {
    return fail(
      `expected the webhook's content type to be json, got ${contentType}`,
      `Set it to application/json ${at}.`,
    );
  }
  if (String(insecure ?? "0") !== "0") {
    return warn(`${url}, but GitHub does not verify its certificate`, `Switch SSL verification on ${at}.`);
  }
  return ok(url);
}
