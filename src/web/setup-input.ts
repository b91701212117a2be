import { isIP } from "node:net";
import { z } from "zod";

/** What the form of /setup asks. */
export type SetupInput = {
  name: string;
  /** Empty: the App will belong to the person's own account. */
  organization: string;
  /** Without a slash at the end; null: webhooks come through WEBHOOK_PROXY_URL. */
  publicUrl: string | null;
};

export type SetupFields = Record<"name" | "organization" | "publicUrl", string>;
export type SetupProblems = Partial<SetupFields>;

const shape = z.object({
  name: z
    .string()
    .trim()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,33}$/u, "1 to 34 letters, digits, spaces, dots or hyphens"),
  organization: z
    .string()
    .trim()
    .regex(
      /^(?:[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})?$/,
      "the organisation's login as in its address, such as acme-inc",
    ),
});

/** Reads the form; `mayBeEmpty`: a proxy takes the webhooks, `mustBePublic`: github.com has to reach us. */
export function readSetupInput(
  fields: SetupFields,
  rules: { mayBeEmpty: boolean; mustBePublic: boolean },
): { ok: true; input: SetupInput } | { ok: false; problems: SetupProblems } {
  const problems: SetupProblems = {};
  const parsed = shape.safeParse(fields);
  for (const issue of parsed.error?.issues ?? []) {
    problems[issue.path[0] as keyof SetupFields] = `Expected ${issue.message}.`;
  }
  const url = readPublicUrl(fields.publicUrl.trim(), rules);
  if (!url.ok) problems.publicUrl = url.problem;
  if (!parsed.success || !url.ok) return { ok: false, problems };
  return { ok: true, input: { ...parsed.data, publicUrl: url.value } };
}

function readPublicUrl(
  text: string,
  rules: { mayBeEmpty: boolean; mustBePublic: boolean },
): { ok: true; value: string | null } | { ok: false; problem: string } {
  if (text === "" && rules.mayBeEmpty) return { ok: true, value: null };
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return { ok: false, problem: "Expected an address such as https://claude.example.com." };
  }
  if (url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "") {
    return { ok: false, problem: "Expected an address without user, question mark or #." };
  }
  if (rules.mustBePublic && isPrivateHost(url.hostname)) {
    return {
      ok: false,
      problem: `GitHub cannot reach ${url.hostname}. Give this server a public address (a reverse proxy or a tunnel), or start it again with WEBHOOK_PROXY_URL set to a channel of smee.io.`,
    };
  }
  if (rules.mustBePublic && url.protocol !== "https:") {
    return { ok: false, problem: "Expected https://, because the text of private issues passes here." };
  }
  return { ok: true, value: `${url.origin}${url.pathname.replace(/\/+$/, "")}` };
}

/** Names and addresses that mean something only inside a network. Sources: RFC 1918, 2606, 3927, 4193, 4291, 6762. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (isIP(host) === 4) return /^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./.test(host);
  if (isIP(host) === 6) return /^(?:::1?$|f[cd]|fe[89ab])/.test(host);
  return !host.includes(".") || /\.(?:localhost|local|internal|lan|home|test|invalid)$/.test(host);
}
