import { E2B, type LogEntry } from "e2b";
import { z } from "zod";
import { environment } from "../../src/environment.ts";
import { UserError } from "../../src/errors.ts";
import { isMain } from "../../src/process.ts";
import { readSettings } from "../../src/web/settings-file.ts";
import { defineTemplate, machineSize } from "./template.ts";

const wanted = environment.pick({ E2B_API_KEY: true, E2B_TEMPLATE: true, E2B_API_URL: true });

/** Builds the template at E2B under the name of E2B_TEMPLATE, or a newer version of the one that has it. */
export async function buildTemplate(
  source: Record<string, string | undefined>,
  say: (line: string) => void,
): Promise<void> {
  const { apiKey, apiUrl, template } = readBuildSettings(source);
  const client = new E2B({
    ...{ apiKey, apiUrl },
    domain: new URL(apiUrl).hostname.replace(/^api\./, ""),
  });
  say(`Building the template ${template} at ${apiUrl}; the first time takes some minutes.`);
  const built = await client.Template.build(defineTemplate(client), template, {
    ...machineSize,
    onBuildLogs: (entry: LogEntry) => say(entry.toString()),
  });
  say(
    `Built ${template} (${built.templateId}). New sandboxes use it; those that exist keep what they were made of.`,
  );
}

function readBuildSettings(source: Record<string, string | undefined>) {
  const present = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = wanted.safeParse(present);
  if (!parsed.success) {
    throw new UserError(
      "config-invalid",
      z.prettifyError(parsed.error),
      "Mend it in the environment or in .env.",
    );
  }
  const { E2B_API_KEY: apiKey, E2B_TEMPLATE: template, E2B_API_URL: apiUrl } = parsed.data;
  if (apiKey === undefined) {
    throw new UserError(
      "e2b-key",
      "E2B_API_KEY is missing: the template is built in your account at E2B.",
      "Make a key at https://e2b.dev/dashboard?tab=keys and set it in the environment or in .env.",
    );
  }
  return { apiKey, template, apiUrl };
}

async function main(): Promise<void> {
  try {
    await buildTemplate(readSettings(".env", process.env), (line) => process.stdout.write(`${line}\n`));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${error.message}\n${error.remedy}\n`);
    process.exitCode = 78;
  }
}

if (isMain(import.meta.url)) await main();
