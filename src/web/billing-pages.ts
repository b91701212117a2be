import { html } from "./html.ts";
import type { Page } from "./send-page.ts";

/** Under which everything about an account's plan is. A login never begins with a hyphen. */
export const billingRoot = "/billing";
export const signedInPath = `${billingRoot}/-/signed-in`;
export const billingStylesheet = `${billingRoot}/-/style.css`;

/** The account's page: the same for everybody, because it knows nobody yet. */
export function payerPage({ login, cameBack }: { login: string; cameBack: boolean }): Page {
  const back = cameBack
    ? html`<p class="good">
        Thank you. Stripe tells this server what was done there within a minute or so; then
        <code>/claude</code> works.
      </p>`
    : "";
  return {
    status: 200,
    title: `Plan of ${login}`,
    body: html`<h1>The plan of ${login}</h1>
      ${back}
      <p>
        Here an owner of <strong>${login}</strong> sets its plan up, changes how it is paid, sees its
        invoices, or ends it. GitHub is asked who you are and whether you are an owner at this moment; then
        you go on to Stripe.
      </p>
      <form method="post" action="${billingRoot}/${login}">
        <button>Continue with GitHub</button>
      </form>
      <p class="aside">Nothing is kept of your sign-in: the next time GitHub is asked again.</p>`,
  };
}

type Problem = { status: number; title: string; text: string; login?: string };

function problem({ status, title, text, login }: Problem): Page {
  const way =
    login === undefined ? "" : html`<p><a class="button" href="${billingRoot}/${login}">Begin again</a></p>`;
  return {
    status,
    title,
    body: html`<h1>${title}</h1>
      <p>${text}</p>
      ${way}`,
  };
}

export const billingProblems = {
  badHost: problem({ status: 400, title: "Bad request", text: "Expected a Host header with a host name." }),
  noPage: problem({ status: 404, title: "No such page", text: "There is nothing here." }),
  noClient: problem({
    status: 503,
    title: "Nobody can sign in yet",
    text: "The operator of this server has to set GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET, which are on the App's page on GitHub.",
  }),
  foreignForm: (login: string) =>
    problem({
      ...{ status: 403, title: "The form was not accepted", login },
      text: "It did not come from this server's own page.",
    }),
  notBegun: problem({
    status: 400,
    title: "This did not begin here",
    text: "Expected to come back from GitHub in the browser that went there from this server within the last ten minutes, once. Open the account's page again.",
  }),
  declined: (login: string) =>
    problem({
      ...{ status: 403, title: "You were not signed in", login },
      text: "GitHub did not tell who you are, so nothing was opened.",
    }),
  notOwner: ({ login, person }: { login: string; person: string }) =>
    problem({
      ...{ status: 403, title: "Only for owners", login },
      text: `GitHub says that ${person} is no owner of ${login}. Ask an owner to open this page; you can sign in as somebody else on GitHub and begin again.`,
    }),
  notInstalled: (login: string) =>
    problem({
      ...{ status: 404, title: "The App is not installed", login },
      text: `The App is not installed for ${login}, so there is nothing to pay for. Install it on GitHub first.`,
    }),
  refused: ({ login, text }: { login: string; text: string }) =>
    problem({ status: 409, title: "That did not work", text, login }),
  away: ({ login, text }: { login: string; text: string }) =>
    problem({
      status: 502,
      title: "Somebody did not answer",
      text: `${text}. Try again in a minute.`,
      login,
    }),
} as const;
