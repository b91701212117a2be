import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { askGitHub } from "./ask-github.ts";

/** The App's OAuth client. */
export type OAuthClient = { clientId: string; clientSecret: string };

type Settings = { client: OAuthClient; github: { apiUrl: string; serverUrl: string } };

/** What a browser keeps while its person is at GitHub: `state` is the proof that it was sent from here, `verifier` is PKCE's. */
export type SignInSecrets = { state: string; verifier: string };

export const newSignInSecrets = (): SignInSecrets => ({
  state: randomBytes(32).toString("base64url"),
  verifier: randomBytes(32).toString("base64url"),
});

/** Where the browser is sent. No scope is asked for: what a GitHub App's token may do is what the App may. */
export function signInUrl(
  { client, github }: Settings,
  { secrets, redirectUri }: { secrets: SignInSecrets; redirectUri: string },
): string {
  const url = new URL(`${github.serverUrl}/login/oauth/authorize`);
  const challenge = createHash("sha256").update(secrets.verifier).digest("base64url");
  for (const [name, value] of Object.entries({
    ...{ client_id: client.clientId, redirect_uri: redirectUri, state: secrets.state },
    ...{ code_challenge: challenge, code_challenge_method: "S256", allow_signup: "false" },
  }))
    url.searchParams.set(name, value);
  return url.href;
}

const granted = z.object({ access_token: z.string().min(1), token_type: z.literal("bearer") });

/** Trades the code that GitHub brought for the person's token. UserError `sign-in-refused`: GitHub does not take it (any more). */
export async function finishSignIn(
  { client, github }: Settings,
  { code, verifier, redirectUri }: { code: string; verifier: string; redirectUri: string },
): Promise<string> {
  const { body } = await askGitHub(`${github.serverUrl}/login/oauth/access_token`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      ...{ client_id: client.clientId, client_secret: client.clientSecret },
      ...{ code, redirect_uri: redirectUri, code_verifier: verifier },
    }).toString(),
  });
  const token = granted.safeParse(body);
  if (token.success) return token.data.access_token;
  throw new UserError(
    "sign-in-refused",
    "GitHub did not accept the sign-in: its code had been used, or is too old.",
    "Begin again.",
  );
}

/** Makes the token worthless; it is needed for one question only. False: GitHub did not do it. */
export async function endSignIn({ client, github }: Settings, token: string): Promise<boolean> {
  const basic = Buffer.from(`${client.clientId}:${client.clientSecret}`).toString("base64");
  const { status } = await askGitHub(
    `${github.apiUrl}/applications/${encodeURIComponent(client.clientId)}/token`,
    {
      method: "DELETE",
      headers: { authorization: `Basic ${basic}`, "content-type": "application/json" },
      body: JSON.stringify({ access_token: token }),
    },
  );
  return status === 204;
}
