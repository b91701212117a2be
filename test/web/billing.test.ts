import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { eq } from "drizzle-orm";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { account, installation } from "../../db/schema.ts";
import { createBillingRoute } from "../../src/web/billing-route.ts";
import { openPayers } from "../billing/payers.ts";
import type { SeededAccount } from "../billing/seed-account.ts";
import { startGitHub, type GitHubStandin } from "../standins/github/github.ts";
import { openBrowser, type BrowserPage, type SetupBrowser } from "./setup-browser.ts";

let world: Awaited<ReturnType<typeof openPayers>>;
let github: GitHubStandin;
let acme: SeededAccount;
let server: Server;
let url: string;
let app: Awaited<ReturnType<GitHubStandin["createApp"]>>;
const logged: string[] = [];

beforeEach(async () => {
  logged.length = 0;
  [world, github] = await Promise.all([openPayers(), startGitHub()]);
  acme = await world.newAccount();
  for (const login of ["olga", "mona", "eve"]) github.createUser(login);
  const { id } = github.createOrganization("acme", { owners: ["olga"], members: ["mona"] });
  await world.system.update(account).set({ githubId: id }).where(eq(account.id, acme.id));
  app = await github.createApp({
    ...{ name: "Remote Claude", owner: "acme", events: [] },
    permissions: { metadata: "read", members: "read" },
  });
  github.install({ app, owner: "acme", repositories: "all" });
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  github.setCallbackUrls(app, [`${url}/billing/-/signed-in`]);
  serve(
    createBillingRoute({
      ...world.deps,
      config: {
        billing: {
          ...{ secretKey: world.standin.apiKey, apiUrl: world.standin.url, livemode: false },
          webhookSecrets: ["whsec_x"],
        },
        signIn: app,
        github: { apiUrl: github.apiUrl, serverUrl: github.url },
        server: { host: "", port: 0, publicUrl: null, webhookProxyUrl: null },
      },
      log: pino({ level: "trace" }, { write: (line: string) => void logged.push(line) }),
    }),
  );
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  const violations = [...github.violations, ...world.standin.violations];
  await github.drained();
  await github.close();
  await world.close();
  expect(violations).toEqual([]);
});

function serve(route: ReturnType<typeof createBillingRoute>): void {
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    void Promise.resolve(route(request, response)).then((handled) => {
      if (!handled) response.writeHead(503).end("not handled");
    });
  });
}

const atStripe = /^https:\/\/(checkout|billing)\.stripe\.com\//;

/** A browser in which somebody is signed in at GitHub. */
function browserOf(login: string): SetupBrowser {
  const browser = openBrowser({ stopAt: atStripe });
  browser.setCookie(github.url, "user_session", login === "cancel" ? login : github.as(login).token);
  return browser;
}

async function visit(login: string, of = "acme"): Promise<BrowserPage> {
  const browser = browserOf(login);
  return browser.submit(await browser.get(`${url}/billing/${of}`));
}

describe("who is let through", () => {
  test("an owner goes to Checkout, and once there is a plan to the portal", async () => {
    const first = await visit("olga");
    expect([first.status, first.url]).toEqual([303, expect.stringMatching(/^https:\/\/checkout/)]);
    expect(await world.payer(acme)).toMatchObject({ checkoutBy: "olga" });
    const { checkoutId } = (await world.payer(acme)) ?? {};
    world.standin.control.completeCheckout(checkoutId ?? "");
    expect((await visit("olga")).url).toMatch(/^https:\/\/billing/);
    expect((await visit("olga", "ACME")).url).toMatch(/^https:\/\/billing/);
  });

  test.each<[string, () => void]>([
    ["mona", () => undefined],
    ["eve", () => undefined],
    ["olga", () => github.setMembership("acme", "olga", "member")],
    ["olga", () => github.setMembership("acme", "olga", null)],
    ["olga", () => github.setMembership("acme", "olga", "invited")],
  ])("nobody else: %s is refused after %s", async (login, before) => {
    before();
    const page = await visit(login);
    expect(page.status).toBe(403);
    expect(page.text).toContain(`${login} is no owner of acme`);
    expect(world.standin.requests.some(({ url: path }) => path.includes("session"))).toBe(false);
  });

  test("the role is asked at each click, not once", async () => {
    const browser = browserOf("olga");
    const page = await browser.get(`${url}/billing/acme`);
    expect((await browser.submit(page)).status).toBe(303);
    github.setMembership("acme", "olga", "member");
    expect((await browser.submit(page)).status).toBe(403);
  });

  test("a person owns their own account, by its number and not by its name", async () => {
    const { body } = await github.as("mona").api("GET", "/user");
    expect((await visit("mona", "mona")).status).toBe(404);
    const githubId = (body as { id: number }).id;
    await world.system.update(account).set({ githubId, login: "renamed" }).where(eq(account.id, acme.id));
    expect((await visit("mona", "mona")).status).toBe(303);
    // Somebody else owned an organisation of that name before: the row has another number.
    expect((await visit("olga")).status).toBe(404);
  });

  test("nobody where the App is not installed", async () => {
    await world.system.update(installation).set({ removedAt: new Date() });
    const page = await visit("olga");
    expect([page.status, page.text]).toEqual([404, expect.stringContaining("not installed")]);
  });
});

describe("the way to GitHub and back", () => {
  test("is gone once, in the browser that went", async () => {
    const browser = browserOf("olga");
    const page = await browser.get(`${url}/billing/acme`);
    const back = await stoppedAtCallback("olga");
    const stolen = await openBrowser().get(back.url);
    expect([stolen.status, stolen.text]).toEqual([400, expect.stringContaining("did not begin here")]);
    expect((await browser.submit(page)).status).toBe(303);
    const used = await browser.get(back.url);
    expect(used.status).toBe(400);
  });

  test("with another state, another verifier or a used code opens nothing", async () => {
    const back = await stoppedAtCallback("olga");
    const wrong = new URL(back.url);
    wrong.searchParams.set("state", "x".repeat(43));
    expect((await back.browser.get(wrong.href)).status).toBe(400);
    const other = await stoppedAtCallback("olga");
    const [name, cookie] = [
      "remote-claude-billing",
      other.browser.cookie(url, "remote-claude-billing") ?? "",
    ];
    const kept = JSON.parse(Buffer.from(cookie, "base64url").toString("utf8")) as object;
    const changed = Buffer.from(JSON.stringify({ ...kept, verifier: "v".repeat(43) })).toString("base64url");
    other.browser.setCookie(url, name, changed);
    expect((await other.browser.get(other.url)).status).toBe(409);
    // GitHub has seen the code, so the right verifier comes too late.
    other.browser.setCookie(url, name, cookie);
    expect((await other.browser.get(other.url)).status).toBe(409);
    expect(await world.payer(acme)).toBeNull();
  });

  test("ends where the person presses cancel", async () => {
    const page = await visit("cancel");
    expect([page.status, page.text]).toEqual([403, expect.stringContaining("not signed in")]);
  });

  test("leaves no token alive, and neither it nor Stripe's address in the log or in the database", async () => {
    const page = await visit("olga");
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    const asked = github.requests.map(({ operationId, status }) => `${operationId} ${status}`);
    expect(asked).toEqual([
      "users/get-authenticated 200",
      "orgs/get-membership-for-user 200",
      "apps/delete-token 204",
    ]);
    expect(`${logged.join("")}${JSON.stringify(await world.payer(acme))}`).not.toMatch(/ghu_|stripe\.com/);
  });

  test("says whose fault it is when GitHub or Stripe does not answer", async () => {
    github.faults.add({ operationId: "orgs/get-membership-for-user", status: 502, when: "before" });
    expect((await visit("olga")).status).toBe(502);
    world.standin.fault({ when: "before", operation: "Prices.list", status: 503 });
    expect((await visit("olga")).status).toBe(502);
    expect((await visit("olga")).status).toBe(303);
  });

  /** Gone to GitHub, and sent back to an address that was not opened yet. */
  async function stoppedAtCallback(login: string): Promise<{ url: string; browser: SetupBrowser }> {
    const browser = openBrowser({ stopAt: /signed-in\?/ });
    browser.setCookie(github.url, "user_session", github.as(login).token);
    const page = await browser.submit(await browser.get(`${url}/billing/acme`));
    return { url: page.url, browser };
  }
});

describe("the page", () => {
  test("is the same for every login, runs no script and goes nowhere but to GitHub and Stripe", async () => {
    const pages = await Promise.all(
      ["acme", "nobody"].map((login) => openBrowser().get(`${url}/billing/${login}`)),
    );
    const [known, unknown] = pages.map(({ text }, n) => text.replaceAll(n === 0 ? "acme" : "nobody", "X"));
    expect(known).toBe(unknown);
    expect(pages[0]?.headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'self'; form-action 'self' ${github.url} https://checkout.stripe.com https://billing.stripe.com; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect((await openBrowser().get(`${url}/billing/acme?back`)).text).toContain("Thank you");
    expect((await openBrowser().get(`${url}/billing/-/style.css`)).status).toBe(200);
  });

  test("stands under a login alone", async () => {
    for (const path of ["", "/", "/-", "/-/", "/a/b", "/%3Cscript%3E", "/a.b", "/..%2fx"])
      expect([path, (await openBrowser().get(`${url}/billing${path}`)).status]).toEqual([path, 404]);
  });

  test("takes no form from another site, from nowhere or from a sandboxed frame", async () => {
    for (const headers of [{ origin: "https://evil.example" }, { origin: "null" }, {}]) {
      const answer = await fetch(`${url}/billing/acme`, { method: "POST", headers, redirect: "manual" });
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
    }
  });

  test("says that billing is disabled where it is", async () => {
    const none = { billing: null, signIn: null, github: { apiUrl: github.apiUrl, serverUrl: github.url } };
    const server = { host: "", port: 0, publicUrl: null, webhookProxyUrl: null };
    serve(createBillingRoute({ ...world.deps, config: { ...none, server } }));
    const off = await fetch(`${url}/billing/acme`);
    expect([off.status, await off.text()]).toEqual([404, "Billing is disabled.\n"]);
    expect((await fetch(`${url}/billings`)).status).toBe(503);
  });
});
