/** A browser without script: keeps cookies per host, follows redirects, fills in forms. */
export type SetupBrowser = {
  get(url: string): Promise<BrowserPage>;
  /** Sends the page's only form; `fields` overwrite what stands in it. */
  submit(page: BrowserPage, fields?: Record<string, string>): Promise<BrowserPage>;
  /** As if the site had set it. */
  setCookie(site: string, name: string, value: string): void;
  cookie(site: string, name: string): string | undefined;
};

export type BrowserPage = { url: string; status: number; text: string; headers: Headers };

/** `stopAt`: a redirect that is not followed, as its page is nowhere; the answer is the redirect with that address. */
export function openBrowser({ stopAt = /^$/ }: { stopAt?: RegExp } = {}): SetupBrowser {
  const cookies = new Map<string, Map<string, string>>();
  const request = async (url: string, init: RequestInit = {}): Promise<BrowserPage> => {
    const { host } = new URL(url);
    const jar = cookies.get(host) ?? new Map<string, string>();
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = new Headers(init.headers);
    if (cookie !== "") headers.set("cookie", cookie);
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(host, jar.set(name, value));
    }
    const location = response.headers.get("location");
    const text = await response.text();
    if (location !== null && stopAt.test(location))
      return { url: location, status: response.status, text, headers: response.headers };
    if (location !== null) return request(new URL(location, url).href);
    return { url, status: response.status, text, headers: response.headers };
  };
  return {
    get: (url) => request(url),
    setCookie: (site, name, value) => {
      const { host } = new URL(site);
      cookies.set(host, (cookies.get(host) ?? new Map<string, string>()).set(name, value));
    },
    cookie: (site, name) => cookies.get(new URL(site).host)?.get(name),
    submit: (page, fields = {}) => {
      const form = readForm(page.text);
      const target = new URL(form.action, page.url);
      return request(target.href, {
        method: "POST",
        headers: { origin: new URL(page.url).origin, "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ ...form.fields, ...fields }).toString(),
      });
    },
  };
}

export function readForm(page: string): { action: string; fields: Record<string, string> } {
  const forms = [...page.matchAll(/<form method="post" action="([^"]*)">([\s\S]*?)<\/form>/g)];
  const [, action, inner = ""] = forms[0] ?? [];
  if (forms.length !== 1 || action === undefined)
    throw new Error(`Expected one form, got ${forms.length}:\n${page}`);
  const inputs = [...inner.matchAll(/<input\b[^>]*>/gs)].map(
    ([tag]) => [attribute(tag, "name"), attribute(tag, "value")] as const,
  );
  return { action: decode(action), fields: Object.fromEntries(inputs) };
}

const attribute = (tag: string, name: string): string =>
  decode(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "");

export function decode(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}
