import type { IncomingMessage } from "node:http";
import { z } from "zod";

const kept = z.strictObject({
  state: z.string().min(40),
  verifier: z.string().min(43),
  /** The account whose page it was. */
  login: z.string(),
});

/** What a browser keeps on its way to GitHub and back. It is nobody else's and says nothing that its person may not know. */
export type SignInCookie = z.infer<typeof kept>;

const plainName = "remote-claude-billing";
// The prefix makes browsers refuse the cookie from a neighbouring host or over http.
const nameFor = (secure: boolean) => (secure ? `__Host-${plainName}` : plainName);
const lifetimeSeconds = 600;

/** Lax, so that it comes along when GitHub sends the browser back. */
const attributes = (secure: boolean) => `Path=/; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;

export function writeSignInCookie(value: SignInCookie, secure: boolean): string {
  const text = Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${nameFor(secure)}=${text}; Max-Age=${lifetimeSeconds}; ${attributes(secure)}`;
}

/** One way is gone once: whoever comes back takes the cookie with them. */
export const dropSignInCookie = (secure: boolean): string =>
  `${nameFor(secure)}=; Max-Age=0; ${attributes(secure)}`;

export function readSignInCookie(request: IncomingMessage, secure: boolean): SignInCookie | null {
  const pairs = (request.headers.cookie ?? "").split(";").map((pair) => pair.trim().split("=", 2));
  const values = pairs.flatMap(([name, value]) =>
    name === nameFor(secure) && value !== undefined ? [value] : [],
  );
  const [value] = values;
  if (values.length !== 1 || value === undefined) return null;
  try {
    const read = kept.safeParse(JSON.parse(Buffer.from(value, "base64url").toString("utf8")));
    return read.success ? read.data : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
