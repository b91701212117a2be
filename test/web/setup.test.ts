import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createGitHub } from "../../src/github/octokit.ts";
import { createLogger } from "../../src/log.ts";
import { createSetup } from "../../src/web/setup.ts";
import { readSettings } from "../../src/web/settings-file.ts";
import { decode, openBrowser, readForm } from "./setup-browser.ts";
import type { GitHubStandin } from "../standins/github/github.ts";
import { closeGitHub, openSetupWorld, startSetupGitHub, type SetupWorld } from "./setup-world.ts";

let world: SetupWorld;
/** For the tests that make no App. */
let github: GitHubStandin;

beforeAll(async () => {
  github = await startSetupGitHub();
});
afterAll(() => closeGitHub(github));

describe("the way to an App", () => {
  beforeEach(async () => {
    world = await openSetupWorld();
  });
  afterEach(() => world.close());

  test("ends with settings that the configuration accepts and GitHub knows", async () => {
    const browser = openBrowser();
    const first = await browser.get(world.entry);
    expect(first.url).toBe(`${world.url}/setup`);
    const second = await browser.submit(first, {
      name: "Acme Claude",
      publicUrl: "https://claude.acme.example/",
    });
    expect(second.text).toContain("your personal account");
    const done = await browser.submit(second);

    expect(done.status).toBe(200);
    expect(done.text).toContain(`${world.github.url}/apps/acme-claude/installations/new`);
    await vi.waitUntil(() => world.saved() === 1);
    const config = readConfig({
      ...readSettings(world.settingsPath, {}),
      GITHUB_API_URL: world.github.apiUrl,
      GITHUB_SERVER_URL: world.github.url,
    });
    expect(config.server.publicUrl).toBe("https://claude.acme.example");
    if (config.app === null) throw new Error("expected an App in the settings");
    const { app } = createGitHub({
      config: { ...config, app: config.app },
      log: createLogger({ logLevel: "silent" }, "test"),
    });
    const { data: self } = await app.rest.apps.getAuthenticated();
    expect(self).toMatchObject({ id: config.app.id, slug: "acme-claude", owner: { login: "alice" } });
    const { data: hook } = await app.rest.apps.getWebhookConfigForApp();
    expect(hook).toMatchObject({
      url: "https://claude.acme.example/api/github/webhooks",
      content_type: "json",
    });
  });

  test("makes the App for an organisation", async () => {
    const browser = openBrowser();
    const second = await browser.submit(await browser.get(world.entry), {
      organization: "acme",
      publicUrl: "https://claude.acme.example",
    });
    expect(readForm(second.text).action).toMatch(
      new RegExp(`^${world.github.url}/organizations/acme/settings/apps/new\\?state=[\\w-]{43}$`),
    );
    await browser.submit(second);
    expect(Object.keys(readSettings(world.settingsPath, {})).sort()).toEqual([
      "APP_ID",
      "GITHUB_CLIENT_ID",
      "GITHUB_CLIENT_SECRET",
      "PRIVATE_KEY",
      "PUBLIC_URL",
      "WEBHOOK_SECRET",
    ]);
  });

  test("sends the whole of app.yml, with the addresses of this server", async () => {
    const browser = openBrowser();
    const second = await browser.submit(await browser.get(world.entry), {
      publicUrl: "https://claude.acme.example/bot",
    });
    expect(JSON.parse(readForm(second.text).fields.manifest ?? "")).toMatchObject({
      name: "Remote Claude",
      url: "https://claude.acme.example/bot",
      hook_attributes: { url: "https://claude.acme.example/bot/api/github/webhooks", active: true },
      redirect_url: `${world.url}/setup/done`,
      public: false,
      default_permissions: { contents: "write" },
    });
  });

  test("keeps what is in the settings file, and closes it to others", async () => {
    await writeFile(
      world.settingsPath,
      "# ours\nANTHROPIC_API_KEY='sk-1'\nAPP_ID=\nPUBLIC_URL=https://old.example\nPORT=4000",
      {
        mode: 0o644,
      },
    );
    await goAllTheWay();
    const text = await readFile(world.settingsPath, "utf8");
    expect(text).toMatch(
      /^# ours\nANTHROPIC_API_KEY='sk-1'\nAPP_ID=\d+\nPUBLIC_URL=https:\/\/claude\.acme\.example\nPORT=4000\n\nPRIVATE_KEY=/,
    );
    expect(text.match(/^APP_ID=/gm)).toHaveLength(1);
    expect((await stat(world.settingsPath)).mode & 0o777).toBe(0o600);
  });

  test("never writes over an App that is there", async () => {
    const before = "APP_ID=7\nPORT=4000\n";
    await writeFile(world.settingsPath, before);
    const page = await goAllTheWay();
    expect(page.status).toBe(409);
    expect(decode(page.text)).toContain("to hold no GitHub App yet, found APP_ID in it");
    expect(await readFile(world.settingsPath, "utf8")).toBe(before);
    expect(world.saved()).toBe(0);
  });

  test("shows the last page again, and nothing else, once it is through", async () => {
    const browser = openBrowser();
    const done = await browser.submit(await browser.submit(await browser.get(world.entry), publicUrl));
    for (const path of ["/setup", "/setup/done"])
      expect((await browser.get(world.url + path)).text).toBe(done.text);
    expect(world.saved()).toBe(1);
  });

  test("goes on after GitHub was away: the App exists, a reload gets it", async () => {
    world.github.faults.add({ operationId: "apps/create-from-manifest", when: "before", status: 502 });
    const browser = openBrowser();
    const page = await browser.submit(await browser.submit(await browser.get(world.entry), publicUrl));
    expect(page.status).toBe(502);
    expect((await browser.get(page.url)).status).toBe(200);
    expect(readSettings(world.settingsPath, {}).APP_ID).toMatch(/^\d+$/);
  });

  test("says so when the answer about the App was lost", async () => {
    world.github.faults.add({ operationId: "apps/create-from-manifest", when: "after", reset: true });
    const browser = openBrowser();
    const page = await browser.submit(await browser.submit(await browser.get(world.entry), publicUrl));
    expect(page.status).toBe(502);
    const again = await browser.get(page.url);
    expect(again.status).toBe(409);
    expect(again.text).toContain("Delete the App that was made");
  });
});

describe("a settings file that cannot be written", () => {
  test("costs nothing: the App is kept until it can", async () => {
    world = await openSetupWorld({ settingsPath: "missing/.env" });
    const browser = openBrowser();
    const page = await browser.submit(await browser.submit(await browser.get(world.entry), publicUrl));
    expect(page.status).toBe(409);
    expect(page.text).toContain("reload this page");
    await mkdir(dirname(world.settingsPath));
    expect((await browser.get(page.url)).status).toBe(200);
    expect(readSettings(world.settingsPath, {}).APP_ID).toMatch(/^\d+$/);
    await world.close();
  });
});

describe("the door", () => {
  beforeEach(async () => {
    world = await openSetupWorld({ github });
  });
  afterEach(() => world.close());

  test.each(["/setup", "/setup?token=wrong", "/setup?token=", "/setup/done?code=a&state=b", "/setup/other"])(
    "%s is closed to everybody else",
    async (path) => {
      const page = await openBrowser().get(world.url + path);
      expect(page.status).toBe(403);
      expect(page.headers.getSetCookie()).toEqual([]);
      expect(page.text).not.toContain("<form");
    },
  );

  test("opens once: the address is worth nothing in another browser", async () => {
    const browser = openBrowser();
    expect((await browser.get(world.entry)).status).toBe(200);
    expect((await browser.get(world.entry)).status).toBe(200);
    const other = await openBrowser().get(world.entry);
    expect(other.status).toBe(403);
    expect(other.text).toContain("has been used");
  });

  test("gives a cookie that script and other sites do not get, and takes the token out of sight", async () => {
    const response = await fetch(world.entry, { redirect: "manual" });
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe("/setup");
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^remote-claude-setup=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
  });

  test("binds the cookie to this host where it is reached over https", async () => {
    const response = await fetch(world.entry, {
      redirect: "manual",
      headers: { "x-forwarded-proto": "https" },
    });
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^__Host-remote-claude-setup=[\w-]{43}; Secure; Path=\/; HttpOnly; SameSite=Lax$/,
      ),
    ]);
  });

  test("sends every page with a policy that lets nothing run and nobody frame it", async () => {
    const page = await openBrowser().get(world.entry);
    expect(page.headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'self'; form-action 'self' ${world.github.url}; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(page.text).not.toMatch(/<script|<style|\sstyle=|\son\w+=/);
  });

  test("leaves every other path to others", async () => {
    for (const path of ["/", "/setupx", "/healthz", "/api/github/webhooks"]) {
      expect((await fetch(world.url + path)).status).toBe(503);
    }
  });

  test("is not there on a server that has an App", () => {
    const config = readConfig({});
    const app = { id: 1, privateKey: "k", webhookSecrets: ["s"] as const };
    const make = () =>
      createSetup({
        config: { ...config, app },
        log: createLogger({ logLevel: "silent" }, "test"),
        settingsPath: ".env",
        onSaved: () => undefined,
      });
    expect(make).toThrow("must not be open");
  });
});

describe("what comes back from GitHub", () => {
  beforeEach(async () => {
    world = await openSetupWorld({ github });
  });
  afterEach(() => world.close());

  const refused = async (query: string) => {
    const browser = openBrowser();
    await browser.get(world.entry);
    return browser.get(`${world.url}/setup/done?${query}`);
  };

  test.each(["code=abc", "code=abc&state=made-up", "state=made-up", ""])(
    "is refused as %j",
    async (query) => {
      expect((await refused(query)).status).toBe(400);
      expect(world.github.requests.filter(({ path }) => path.includes("conversions"))).toEqual([]);
    },
  );

  test("is refused a second time, and after an hour", async () => {
    const browser = openBrowser();
    const second = await browser.submit(await browser.get(world.entry), publicUrl);
    const state = new URL(readForm(second.text).action).searchParams.get("state") ?? "";
    const first = await browser.get(`${world.url}/setup/done?code=not-one-of-githubs&state=${state}`);
    expect(first.status).toBe(409);
    expect((await browser.get(`${world.url}/setup/done?code=x&state=${state}`)).status).toBe(400);

    const later = await browser.submit(await browser.get(`${world.url}/setup`), publicUrl);
    const stale = new URL(readForm(later.text).action).searchParams.get("state") ?? "";
    world.clock.advance(3_600_000);
    expect((await browser.get(`${world.url}/setup/done?code=x&state=${stale}`)).status).toBe(400);
  });
});

describe("the form", () => {
  beforeEach(async () => {
    world = await openSetupWorld({ github });
  });
  afterEach(() => world.close());

  test.each([
    ["from another site", { origin: "https://evil.example" }, {}],
    ["from a sandboxed frame", { origin: "null" }, {}],
    ["by another site, as the browser says", { "sec-fetch-site": "cross-site" }, {}],
    ["without the page's token", {}, { token: "" }],
    ["as JSON", { "content-type": "application/json" }, {}],
    ["too large", {}, { name: "x".repeat(20_000) }],
  ])("is refused when it is sent %s", async (_, headers, fields) => {
    const entered = await fetch(world.entry, { redirect: "manual" });
    const cookie = entered.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const page = await fetch(`${world.url}/setup`, { headers: { cookie } });
    const form = readForm(await page.text());
    const answer = await fetch(`${world.url}/setup`, {
      method: "POST",
      headers: { cookie, "content-type": "application/x-www-form-urlencoded", ...headers },
      body: new URLSearchParams({ ...form.fields, ...publicUrl, ...fields }).toString(),
    });
    expect(answer.status).toBe(403);
  });

  test.each([
    ["name", ""],
    ["name", "-x"],
    ["name", "x".repeat(35)],
    ["organization", "../../login"],
    ["organization", "a--b"],
    ["publicUrl", ""],
    ["publicUrl", "claude.example"],
    ["publicUrl", "javascript:alert(1)"],
    ["publicUrl", "https://user:pass@claude.example"],
    ["publicUrl", "https://claude.example/?a=b"],
  ])("asks again about %s %j and keeps what was typed", async (name, value) => {
    const browser = openBrowser();
    const page = await browser.submit(await browser.get(world.entry), { ...publicUrl, [name]: value });
    expect(page.status).toBe(422);
    expect(page.text).toContain(`id="${name}-problem"`);
    expect(readForm(page.text).fields[name]).toBe(value);
  });

  test("shows hostile input as text", async () => {
    const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;`;
    const browser = openBrowser();
    for (const name of ["name", "organization", "publicUrl"]) {
      const page = await browser.submit(
        await browser.get(`${world.url}/setup?token=the-token-of-this-test`),
        { [name]: hostile },
      );
      expect(page.text).not.toMatch(/<script|<img/);
      expect(readForm(page.text).fields[name]).toBe(hostile);
    }
  });
});

describe("an address that github.com has to reach", () => {
  const onGitHub = { GITHUB_SERVER_URL: "https://github.com" };
  const ask = async (env: Record<string, string>, address: string) => {
    world = await openSetupWorld({ env, github });
    const browser = openBrowser();
    const page = await browser.submit(await browser.get(world.entry), { publicUrl: address });
    await world.close();
    return page;
  };

  test.each([
    "http://localhost:3000",
    "https://127.0.0.1",
    "https://10.1.2.3",
    "https://[::1]",
    "https://bot.local",
  ])("is not %s", async (address) => {
    const page = await ask(onGitHub, address);
    expect(page.status).toBe(422);
    expect(page.text).toContain("GitHub cannot reach");
  });

  test("speaks https", async () => {
    expect((await ask(onGitHub, "http://claude.acme.example")).text).toContain("Expected https://");
  });

  test("is that of the webhook proxy where there is one", async () => {
    const page = await ask({ ...onGitHub, WEBHOOK_PROXY_URL: "https://smee.io/abc" }, "");
    expect(page.status).toBe(200);
    expect(readForm(page.text).fields.manifest).toContain(
      '"hook_attributes":{"url":"https://smee.io/abc","active":true}',
    );
  });
});

const publicUrl = { publicUrl: "https://claude.acme.example" };

async function goAllTheWay() {
  const browser = openBrowser();
  return browser.submit(await browser.submit(await browser.get(world.entry), publicUrl));
}
