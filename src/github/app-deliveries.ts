import type { Octokit } from "@octokit/rest";
import { z } from "zod";
import { toGitHubError } from "./github-error.ts";

/** One attempt of GitHub to deliver a webhook; the attempts of one webhook share the guid. */
export type AppDelivery = {
  /** A string, because GitHub's numbers outgrow what JavaScript can count exactly. */
  id: string;
  guid: string;
  deliveredAt: Date;
  redelivery: boolean;
  event: string;
  action: string | null;
};

/** The list of webhooks that GitHub keeps for an App, some days long. */
export type AppDeliveries = {
  /** Newest first; `next` is the cursor of the page after, null at the end. */
  listDeliveries(cursor: string | null): Promise<{ deliveries: AppDelivery[]; next: string | null }>;
  /** What was sent; null when GitHub no longer has the body. */
  getDelivery(id: string): Promise<unknown>;
  /** Asks GitHub to send it again, some time later. */
  redeliver(id: string): Promise<void>;
};

const listed = z.array(
  z.object({
    id: z.union([z.int().transform(String), z.string().regex(/^\d+$/)]),
    guid: z.string(),
    delivered_at: z.coerce.date(),
    redelivery: z.boolean(),
    event: z.string(),
    action: z.string().nullable(),
  }),
);

const detailed = z.object({ request: z.object({ payload: z.unknown() }) });

/** `app` signs as the App itself. Failed calls throw what toGitHubError makes of them. */
export function createAppDeliveries(app: Pick<Octokit, "request">): AppDeliveries {
  return {
    async listDeliveries(cursor) {
      const { text, link } = await readText(app, "GET /app/hook/deliveries", {
        per_page: 100,
        ...(cursor === null ? {} : { cursor }),
      });
      const deliveries = listed.parse(parseExactly(text)).map(({ delivered_at, ...rest }) => ({
        ...rest,
        deliveredAt: delivered_at,
      }));
      return { deliveries, next: nextCursor(link) };
    },
    async getDelivery(id) {
      const { text } = await readText(app, `GET /app/hook/deliveries/${id}`, {});
      return detailed.parse(JSON.parse(text)).request.payload ?? null;
    },
    async redeliver(id) {
      await app.request(`POST /app/hook/deliveries/${id}/attempts`).catch((error: unknown) => {
        throw toGitHubError(error, "asking for a redelivery");
      });
    },
  };
}

async function readText(app: Pick<Octokit, "request">, route: string, parameters: Record<string, unknown>) {
  const response: { data: unknown; headers: { link?: string | undefined } } = await app
    // Octokit would parse the body, and round the numbers in it.
    .request(route, { ...parameters, request: { parseSuccessResponseBody: false } })
    .catch((error: unknown) => {
      throw toGitHubError(error, "reading the App's delivery list");
    });
  return { text: await new Response(response.data as ReadableStream).text(), link: response.headers.link };
}

/** Whole numbers that would be rounded stay as they are written. */
function parseExactly(text: string): unknown {
  const keepLong = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? context?.source
      : value;
  return JSON.parse(text, keepLong);
}

function nextCursor(link: string | undefined): string | null {
  const url = /<([^>]+)>; *rel="next"/.exec(link ?? "")?.[1];
  return url === undefined ? null : new URL(url).searchParams.get("cursor");
}
