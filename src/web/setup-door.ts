import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Who may use /setup: whoever opened the address that the terminal shows, in the browser in which it was opened. */
export type SetupDoor = {
  /** Trades the link's token, once, for a cookie; answers the Set-Cookie header. */
  enter(
    token: string,
    secure: boolean,
  ): { ok: true; setCookie: string } | { ok: false; reason: "wrong" | "used" };
  isInside(request: IncomingMessage, secure: boolean): boolean;
  /** Proves that a form comes from our page. */
  formToken: string;
  acceptsForm(formToken: string | null): boolean;
};

const plainName = "remote-claude-setup";
// The prefix makes browsers refuse the cookie from a neighbouring host or over http.
const secureName = `__Host-${plainName}`;

export function createSetupDoor(token: string): SetupDoor {
  const visitor = randomBytes(32).toString("base64url");
  const formToken = randomBytes(32).toString("base64url");
  let used = false;
  return {
    formToken,
    enter(given, secure) {
      if (!isSame(given, token)) return { ok: false, reason: "wrong" };
      if (used) return { ok: false, reason: "used" };
      used = true;
      const cookie = secure ? `${secureName}=${visitor}; Secure` : `${plainName}=${visitor}`;
      return { ok: true, setCookie: `${cookie}; Path=/; HttpOnly; SameSite=Lax` };
    },
    isInside: (request, secure) => {
      const given = readCookie(request, secure ? secureName : plainName);
      return used && given !== null && isSame(given, visitor);
    },
    acceptsForm: (given) => given !== null && isSame(given, formToken),
  };
}

/** In a time that tells nothing about where they differ. */
function isSame(given: string, wanted: string): boolean {
  const [left, right] = [given, wanted].map((text) => createHash("sha256").update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}

function readCookie(request: IncomingMessage, name: string): string | null {
  const found = (request.headers.cookie ?? "")
    .split(";")
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${name}=`));
  return found === undefined ? null : found.slice(name.length + 1);
}
