import type { Config } from "../config.ts";

type Headers = Record<string, string | string[] | undefined>;

/** Headers that belong to one connection and not to the message (RFC 9110, 7.6.1). */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What the agent may not say to the model in our name, and what the new request has of its own. */
const ownOfTheGateway = new Set(["authorization", "x-api-key", "cookie", "host", "content-length", "expect"]);

/** What a reverse proxy or a CDN in front of us said to us: nobody else's matter, and some CDNs refuse to hear it again. */
const ofProxies =
  /^(?:x-forwarded-.*|x-real-ip|forwarded|via|true-client-ip|cf-.*|cdn-.*|fly-.*|x-amzn-.*|x-envoy-.*|x-cloud-trace-context)$/;

/** With a subscription's token the API wants to be told so. */
const oauthBeta = "oauth-2025-04-20";

/** The end-to-end headers among these: nothing of the connection, nor what its Connection header names. */
export function endToEndHeaders(headers: Headers): Record<string, string | string[]> {
  const named = String(headers.connection ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase());
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || hopByHop.has(name) || named.includes(name) ? [] : [[name, value] as const],
    ),
  );
}

/** The headers of a model call as the model gets them: the agent's credential out, ours in, no compression. */
export function modelHeaders(
  headers: Headers,
  credential: NonNullable<Config["model"]["credential"]>,
  bodyLength: number,
): Record<string, string | string[]> {
  const kept = Object.entries(endToEndHeaders(headers)).filter(
    ([name]) => !ownOfTheGateway.has(name) && !ofProxies.test(name),
  );
  const forwarded = Object.fromEntries(kept);
  if (credential.header === "authorization") {
    forwarded["anthropic-beta"] = [String(headers["anthropic-beta"] ?? ""), oauthBeta]
      .filter(Boolean)
      .join(",");
  }
  return {
    ...forwarded,
    [credential.header]: credential.value,
    // The meter reads the answer as it passes.
    "accept-encoding": "identity",
    "content-length": String(bodyLength),
  };
}
