export type Target = { host: string; port: number };

const allowedPorts = [80, 443];
const hostName =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The host and port of a CONNECT request; null for anything but a plain host name and one of the two ports. */
export function parseAuthority(authority: string): Target | null {
  const match = /^([^:]+):(\d{1,5})$/.exec(authority);
  return toTarget(match?.[1], Number(match?.[2]));
}

/** The host and port of an absolute-form request over plain HTTP; null for anything else. */
export function parseAbsoluteForm(url: string): (Target & { path: string }) | null {
  if (!/^http:\/\/[^\s/?#@\\]+(?:[/?][^\s#\\]*)?$/i.test(url) || !URL.canParse(url)) return null;
  const { hostname, port, pathname, search } = new URL(url);
  const target = toTarget(hostname, port === "" ? 80 : Number(port));
  return target === null ? null : { ...target, path: pathname + search };
}

function toTarget(name: string | undefined, port: number): Target | null {
  const host = name?.toLowerCase().replace(/\.$/, "");
  if (host === undefined || !hostName.test(host) || !allowedPorts.includes(port)) return null;
  return { host, port };
}

/** Whether the list has this host by name, or as a subdomain of an entry `*.suffix`. */
export function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) => {
    const name = entry.toLowerCase();
    return name.startsWith("*.") ? host.endsWith(name.slice(1)) : host === name;
  });
}
