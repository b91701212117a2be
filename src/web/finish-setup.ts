import { TransientError, UserError } from "../errors.ts";
import { convertManifest, type NewApp } from "./convert-manifest.ts";
import type { Page } from "./send-page.ts";
import { saveSettings } from "./settings-file.ts";
import { donePage, problemPage } from "./setup-pages.ts";
import type { SetupContext } from "./setup-context.ts";

const again = { href: "/setup", text: "Begin again" };

/**
 * GitHub has brought the person back: gets the new App's credentials and saves them, and remembers the page that says so.
 * What may pass by itself can be repeated by a reload, because the App exists already.
 */
export async function finishSetup(
  context: SetupContext,
  { code, state }: { code: string; state: string },
): Promise<{ page: Page; saved: boolean }> {
  const attempt = context.attempts.take(state);
  if (attempt === null || code === "") {
    const page = problemPage({
      status: 400,
      title: "This did not begin here",
      text: "Expected to come back from GitHub with a state that this server gave out within the last hour and that has not been used, got another one. If GitHub has made an App, delete it there.",
      link: again,
    });
    return { page, saved: false };
  }
  try {
    attempt.app ??= await convertManifest(context.config.github, code);
    const values = toSettings(attempt.app, attempt.publicUrl);
    await saveSettings(context.settingsPath, values);
    context.log.info({ appId: attempt.app.id, slug: attempt.app.slug }, "a GitHub App was made and saved");
    const page = donePage({
      app: attempt.app,
      saved: Object.keys(values),
      settingsPath: context.settingsPath,
      hasModelCredential: context.config.model.credential !== null,
    });
    context.done = page;
    return { page, saved: true };
  } catch (error) {
    context.log.warn({ err: error }, "the new GitHub App could not be saved");
    const mayPass = error instanceof TransientError || attempt.app !== undefined;
    if (mayPass) context.attempts.restore(state, attempt);
    return { page: explain(error, mayPass), saved: false };
  }
}

function toSettings(app: NewApp, publicUrl: string | null): Record<string, string> {
  return {
    APP_ID: String(app.id),
    PRIVATE_KEY: app.privateKey.replaceAll("\n", "\\n"),
    WEBHOOK_SECRET: app.webhookSecret,
    GITHUB_CLIENT_ID: app.clientId,
    GITHUB_CLIENT_SECRET: app.clientSecret,
    ...(publicUrl === null ? {} : { PUBLIC_URL: publicUrl }),
  };
}

function explain(error: unknown, mayPass: boolean): Page {
  const reload = " The App exists on GitHub; reload this page to try again with it.";
  if (error instanceof UserError) {
    return problemPage({
      status: 409,
      title: "The App could not be saved",
      text: `${error.message} ${error.remedy}${mayPass ? reload : ""}`,
      ...(mayPass ? {} : { link: again }),
    });
  }
  if (error instanceof TransientError) {
    return problemPage({ status: 502, title: "GitHub did not answer", text: `${error.message}.${reload}` });
  }
  throw error;
}
