import { z } from "zod";
import { TransientError, UserError, toError } from "../errors.ts";

const webUrl = z.url({ protocol: /^https?$/ });
const word = z.string().regex(/^[\x21-\x7e]+$/);

const conversion = z.object({
  id: z.int().positive(),
  slug: z.string().regex(/^[a-z0-9-]+$/),
  name: z.string(),
  html_url: webUrl,
  client_id: word,
  client_secret: word,
  webhook_secret: word.min(16),
  pem: z.string().regex(/^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\s\S]+\n-----END [A-Z ]*PRIVATE KEY-----\s*$/),
});

export type NewApp = {
  id: number;
  slug: string;
  name: string;
  htmlUrl: string;
  clientId: string;
  clientSecret: string;
  webhookSecret: string;
  privateKey: string;
};

const timeoutMs = 15_000;

/**
 * Trades the code that GitHub brought for the new App's secrets; GitHub answers once. Throws a TransientError when the
 * same code may still be good, a UserError when it is not.
 */
export async function convertManifest(
  github: { apiUrl: string; serverUrl: string },
  code: string,
): Promise<NewApp> {
  const response = await ask(`${github.apiUrl}/app-manifests/${encodeURIComponent(code)}/conversions`);
  if (response.status >= 500 || response.status === 429) {
    throw new TransientError(`GitHub answered ${response.status}`);
  }
  if (response.status !== 201) {
    throw new UserError(
      "manifest-code-refused",
      `GitHub did not accept the code of the new App (it answered ${response.status}): it had been used, or is more than an hour old.`,
      "Delete the App that was made, if there is one, and begin again.",
    );
  }
  const parsed = conversion.safeParse(response.body);
  if (!parsed.success || new URL(parsed.data.html_url).origin !== new URL(github.serverUrl).origin) {
    throw new UserError(
      "manifest-answer-unknown",
      `GitHub's answer about the new App was not understood: ${parsed.error === undefined ? `html_url is not at ${github.serverUrl}` : z.prettifyError(parsed.error)}`,
      "Take the values from the App's own page, make a new private key and a webhook secret there, and set the variables by hand.",
    );
  }
  const { data } = parsed;
  return {
    id: data.id,
    slug: data.slug,
    name: data.name,
    htmlUrl: data.html_url,
    clientId: data.client_id,
    clientSecret: data.client_secret,
    webhookSecret: data.webhook_secret,
    privateKey: data.pem.trim(),
  };
}

async function ask(url: string): Promise<{ status: number; body: unknown }> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { accept: "application/vnd.github+json", "user-agent": "remote-claude" },
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    return { status: response.status, body: response.status === 201 ? parse(text) : null };
  } catch (cause) {
    throw new TransientError(`GitHub could not be asked: ${toError(cause).message}`, { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
