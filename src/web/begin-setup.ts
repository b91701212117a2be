import type { IncomingMessage } from "node:http";
import { webhookPath } from "./app-manifest.ts";
import { signedInPath } from "./billing-pages.ts";
import { readForm } from "./read-form.ts";
import { isSameOrigin, type RequestOrigin } from "./request-origin.ts";
import type { Page } from "./send-page.ts";
import type { SetupContext } from "./setup-context.ts";
import { isPrivateHost, readSetupInput, type SetupFields, type SetupInput } from "./setup-input.ts";
import { createPage, describePage, problemPage } from "./setup-pages.ts";

/** The form, with what the server knows already filled in. */
export function beginSetup(context: SetupContext, at: RequestOrigin): Page {
  const { config, described } = context;
  const guess = isPrivateHost(new URL(at.origin).hostname) ? "" : at.origin;
  return renderForm(context, {
    fields: { name: described.manifest.name, organization: "", publicUrl: config.server.publicUrl ?? guess },
  });
}

/** The filled form: asks again for what is wrong in it, else begins a way to GitHub and shows what goes there. */
export async function acceptForm(
  context: SetupContext,
  request: IncomingMessage,
  at: RequestOrigin,
): Promise<Page> {
  const form = await readForm(request);
  if (form === null || !isSameOrigin(request) || !context.door.acceptsForm(form.get("token"))) {
    return foreignForm;
  }
  const { github, server } = context.config;
  const fields = {
    name: form.get("name") ?? "",
    organization: form.get("organization") ?? "",
    publicUrl: form.get("publicUrl") ?? "",
  };
  const read = readSetupInput(fields, {
    mayBeEmpty: server.webhookProxyUrl !== null,
    mustBePublic: new URL(github.serverUrl).hostname === "github.com" && server.webhookProxyUrl === null,
  });
  return read.ok
    ? confirm(context, read.input, at)
    : renderForm(context, { fields, problems: read.problems });
}

function renderForm(
  context: SetupContext,
  input: { fields: SetupFields; problems?: Partial<SetupFields> },
): Page {
  return describePage({
    problems: {},
    ...input,
    formToken: context.door.formToken,
    proxyUrl: context.config.server.webhookProxyUrl,
    described: context.described,
  });
}

function confirm(context: SetupContext, input: SetupInput, at: RequestOrigin): Page {
  const { name, organization, publicUrl } = input;
  const { github, server } = context.config;
  const home = publicUrl ?? at.origin;
  const owner = organization === "" ? "" : `/organizations/${organization}`;
  return createPage({
    manifest: {
      ...context.described.manifest,
      name,
      url: home,
      hook_attributes: { url: server.webhookProxyUrl ?? `${home}${webhookPath}`, active: true },
      // The cookie knows this host only, whatever the public address is.
      redirect_url: `${at.origin}/setup/done`,
      // Where account owners come back to when they have signed in.
      callback_urls: [`${home}${signedInPath}`],
    },
    action: `${github.serverUrl}${owner}/settings/apps/new?state=${context.attempts.begin(publicUrl)}`,
    organization,
  });
}

const foreignForm = problemPage({
  status: 403,
  title: "The form was not accepted",
  text: "It did not come from this server's own page, or the server has been started again since.",
  link: { href: "/setup", text: "Begin again" },
});
