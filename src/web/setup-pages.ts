import { webhookPath, type AppManifest, type DescribedManifest } from "./app-manifest.ts";
import { html, type Html } from "./html.ts";
import type { Page } from "./send-page.ts";
import type { SetupFields, SetupProblems } from "./setup-input.ts";

const steps = ["Describe", "Create on GitHub", "Install"] as const;

function heading(step: (typeof steps)[number], title: string): Html {
  const items = steps.map((name, index) =>
    name === step
      ? html`<li aria-current="step">${index + 1}. ${name}</li>`
      : html`<li>${index + 1}. ${name}</li>`,
  );
  return html`<ol class="steps">
      ${items}
    </ol>
    <h1>${title}</h1>`;
}

/** The first page: whose App it will be, and where GitHub finds this server. */
export function describePage(input: {
  fields: SetupFields;
  problems: SetupProblems;
  formToken: string;
  proxyUrl: string | null;
  described: DescribedManifest;
}): Page {
  const { fields, problems, formToken, proxyUrl, described } = input;
  const urlHint =
    proxyUrl === null
      ? html`Where GitHub reaches this server from outside. Webhooks go to <code>${webhookPath}</code> under
          it.`
      : html`May stay empty: webhooks come through ${proxyUrl} (WEBHOOK_PROXY_URL).`;
  const body = html`${heading("Describe", "Make a GitHub App for this server")}
    <p>
      Remote Claude acts on GitHub as an App of your own. You create it there in one click; its credentials
      come straight back to this server and are written to its settings file.
    </p>
    <form method="post" action="/setup">
      <input type="hidden" name="token" value="${formToken}" />
      ${field({ name: "name", label: "Name of the App", type: "text", hint: html`Must be unique on GitHub. Its comments are signed with it.` }, fields, problems)}
      ${field({ name: "organization", label: "Organisation (optional)", type: "text", hint: html`Leave empty for your personal account. Only this account will be able to install the App.` }, fields, problems)}
      ${field({ name: "publicUrl", label: "Public address", type: "url", hint: urlHint }, fields, problems)}
      <button>Continue</button>
    </form>
    <h2>What it will be allowed to do</h2>
    ${permissionTable(described)}
    <div class="aside">
      <p>
        You have an App already? Close this page, set <code>APP_ID</code>, <code>PRIVATE_KEY</code> (or
        <code>PRIVATE_KEY_PATH</code>) and <code>WEBHOOK_SECRET</code> in the environment or in
        <code>.env</code>, and start the server again. <code>.env.example</code> describes each of them;
        <code>npm run cli -- doctor</code> tells what the App still lacks.
      </p>
    </div>`;
  return { status: Object.keys(problems).length === 0 ? 200 : 422, title: "Set up Remote Claude", body };
}

function field(
  about: { name: keyof SetupFields; label: string; type: "text" | "url"; hint: Html },
  fields: SetupFields,
  problems: SetupProblems,
): Html {
  const { name, label, type, hint } = about;
  const problem = problems[name];
  const input =
    problem === undefined
      ? html`<input
          id="${name}"
          name="${name}"
          type="${type}"
          value="${fields[name]}"
          aria-describedby="${name}-hint"
          autocomplete="off"
          spellcheck="false"
        />`
      : html`<p class="problem" id="${name}-problem">${problem}</p>
          <input
            id="${name}"
            name="${name}"
            type="${type}"
            value="${fields[name]}"
            aria-describedby="${name}-problem ${name}-hint"
            aria-invalid="true"
            autocomplete="off"
            spellcheck="false"
          />`;
  return html`<label for="${name}">${label}</label>
    <p class="hint" id="${name}-hint">${hint}</p>
    ${input}`;
}

function permissionTable({ manifest, permissionReasons }: DescribedManifest): Html {
  const rows = Object.entries(manifest.default_permissions).map(([name, level]) => {
    const reason = permissionReasons.get(name) ?? "";
    const bare = reason.replace(/ \([A-Z]\)$/, "");
    const later = bare === reason ? "" : html` <span class="later">(not used yet)</span>`;
    return html`<tr>
      <th scope="row"><code>${name}</code></th>
      <td>${level}</td>
      <td class="wide">${bare}${later}</td>
    </tr>`;
  });
  return html`<table>
    <tbody>
      ${rows}
    </tbody>
  </table>`;
}

/** The second page: what GitHub will be told, and the button that tells it. */
export function createPage(input: {
  manifest: AppManifest & { redirect_url: string; callback_urls: readonly string[] };
  action: string;
  organization: string;
}): Page {
  const { manifest, action, organization } = input;
  const owner =
    organization === "" ? "your personal account" : html`the organisation <strong>${organization}</strong>`;
  const body = html`${heading("Create on GitHub", `Create “${manifest.name}” on GitHub`)}
    <p>
      The App will belong to ${owner}, send its webhooks to <code>${manifest.hook_attributes.url}</code>, and
      be private. GitHub shows you its name once more, where you can still change it, and then brings you back
      here.
    </p>
    <form method="post" action="${action}">
      <input type="hidden" name="manifest" value="${JSON.stringify(manifest)}" />
      <button>Create the App on GitHub</button>
    </form>
    <details>
      <summary>The manifest that is sent</summary>
      <pre><code>${JSON.stringify(manifest, null, 2)}</code></pre>
    </details>
    <p class="aside"><a href="/setup">Back</a></p>`;
  return { status: 200, title: "Create the App on GitHub", body };
}

/** The last page: the App exists, its credentials are saved, the server starts again. */
export function donePage(input: {
  app: { name: string; htmlUrl: string };
  saved: readonly string[];
  settingsPath: string;
  hasModelCredential: boolean;
}): Page {
  const { app, saved, settingsPath } = input;
  const names = saved.map((name, index) => html`${index === 0 ? "" : ", "}<code>${name}</code>`);
  const model = input.hasModelCredential
    ? ""
    : html`<li>
        Set <code>ANTHROPIC_API_KEY</code> in <code>${settingsPath}</code> and start the server again: no key
        for the model is set yet.
      </li>`;
  const body = html`${heading("Install", `“${app.name}” exists`)}
    <p class="good">Its credentials are saved in <code>${settingsPath}</code>: ${names}.</p>
    <p>
      The server starts again with them now, and this page is gone. Install the App on the repositories it
      shall work in:
    </p>
    <p><a class="button" href="${app.htmlUrl}/installations/new">Install it on GitHub</a></p>
    <h2>Then</h2>
    <ol>
      ${model}
      <li>Run <code>npm run cli -- doctor</code> on the server to see that all is well.</li>
      <li>Write <code>/claude</code> and what you want done as a comment on an issue.</li>
    </ol>`;
  return { status: 200, title: "The App is ready", body };
}

/** Anything that did not go well: what happened, what to do. */
export function problemPage(input: {
  status: number;
  title: string;
  text: string;
  link?: { href: string; text: string };
}): Page {
  const { status, title, text, link } = input;
  const way = link === undefined ? "" : html`<p><a class="button" href="${link.href}">${link.text}</a></p>`;
  return {
    status,
    title,
    body: html`<h1>${title}</h1>
      <p>${text}</p>
      ${way}`,
  };
}
