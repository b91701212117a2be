import { environment } from "../../src/environment.ts";

type Name = keyof typeof environment.shape;
type Variable = { name: string; description: string; fallback: string };

/** The headings of both pages, each with the variable that it begins at. */
const sections: readonly { title: string; from: Name }[] = [
  { title: "The GitHub App", from: "APP_ID" },
  { title: "Where GitHub is", from: "GITHUB_API_URL" },
  { title: "Where this server is", from: "PUBLIC_URL" },
  { title: "Storage", from: "DATABASE_URL" },
  { title: "The model", from: "ANTHROPIC_API_KEY" },
  { title: "Sandboxes", from: "SANDBOX_PROVIDER" },
  { title: "Limits", from: "WORKER_CONCURRENCY" },
  { title: "Behaviour", from: "TRIGGER_LABEL" },
];

const howToRenew = "npm run docs:generate";

/** The text of .env.example. */
export function renderEnvExample(): string {
  const head = [
    "# Every variable that Remote Claude reads, with its default. Copy this file to .env and take the # away from",
    "# what you set. Made from src/environment.ts; a test fails when it is out of date, and this makes it anew:",
    `# ${howToRenew}`,
  ].join("\n");
  const blocks = readSections().map(({ title, variables }) =>
    [
      `## ${title}`,
      ...variables.map(({ name, description, fallback }) => `\n# ${description}\n#${name}=${fallback}`),
    ].join("\n"),
  );
  return `${[head, ...blocks].join("\n\n")}\n`;
}

/** The text of docs/configuration.md, before Prettier has aligned its tables. */
export function renderConfigurationPage(): string {
  const head = [
    "# Configuration",
    "Remote Claude is configured by environment variables, or by a file `.env` in the folder it is started in; what the environment says wins. " +
      "An empty variable counts as absent. All of them are read once, at the start: a wrong value stops it with a list of everything that is wrong and what to do about it.",
    "Nothing is required to start. With no variable of the App at all, only `/setup` and `/healthz` answer (see [self-hosting](self-hosting.md)); with half of them, the start is refused.",
    `This page and \`.env.example\` are made from \`src/environment.ts\`. A test fails when they are out of date; \`${howToRenew}\` makes them anew.`,
  ].join("\n\n");
  const blocks = readSections().map(({ title, variables }) =>
    [
      `## ${title}\n`,
      "| Variable | Default | Meaning |",
      "| --- | --- | --- |",
      ...variables.map(({ name, description, fallback }) => {
        const value = fallback === "" ? "" : `\`${fallback}\``;
        return `| \`${name}\` | ${value} | ${description.replaceAll("|", "\\|")} |`;
      }),
    ].join("\n"),
  );
  return `${[head, ...blocks].join("\n\n")}\n`;
}

function readSections(): { title: string; variables: Variable[] }[] {
  const found: { title: string; variables: Variable[] }[] = [];
  for (const [name, schema] of Object.entries(environment.shape)) {
    const begun = sections.find(({ from }) => from === name);
    if (begun !== undefined) found.push({ title: begun.title, variables: [] });
    const absent = schema.safeParse(undefined);
    found.at(-1)?.variables.push({
      name,
      description: schema.description ?? "",
      fallback: absent.success && absent.data !== undefined ? String(absent.data) : "",
    });
  }
  return found;
}
