import { z } from "zod";
import { TransientError } from "../errors.ts";
import { askGitHub } from "./ask-github.ts";

const person = z.object({ id: z.int().positive(), login: z.string().min(1) });
const membership = z.object({
  state: z.string(),
  role: z.string(),
  organization: z.object({ id: z.int().positive(), login: z.string().min(1) }),
});

export type Person = z.infer<typeof person>;

export type OwnerVerdict =
  /** `accountId` is GitHub's number of the account: a login may have been somebody else's. */
  { ok: true; accountId: number; person: Person } | { ok: false; person: Person };

/**
 * Whether the person of a token owns an account on GitHub at this moment: it is their own, or they are an active owner of the
 * organisation. What is not clearly a yes is a no.
 */
export async function readOwner({
  apiUrl,
  token,
  login,
}: {
  apiUrl: string;
  token: string;
  login: string;
}): Promise<OwnerVerdict> {
  const headers = { authorization: `Bearer ${token}`, accept: "application/vnd.github+json" };
  const asked = await askGitHub(`${apiUrl}/user`, { method: "GET", headers });
  const self = person.safeParse(asked.body);
  if (asked.status !== 200 || !self.success)
    throw new TransientError(`GitHub did not say who signed in (it answered ${asked.status})`);
  const { data } = self;
  if (isSame(data.login, login)) return { ok: true, accountId: data.id, person: data };
  const path = `orgs/${encodeURIComponent(login)}/memberships/${encodeURIComponent(data.login)}`;
  const answer = await askGitHub(`${apiUrl}/${path}`, { method: "GET", headers });
  const member = answer.status === 200 ? membership.safeParse(answer.body) : null;
  if (member?.success !== true) return { ok: false, person: data };
  const { state, role, organization } = member.data;
  const isOwner = state === "active" && role === "admin" && isSame(organization.login, login);
  return isOwner ? { ok: true, accountId: organization.id, person: data } : { ok: false, person: data };
}

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
