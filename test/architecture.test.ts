import { basename } from "node:path";
import { expect, test } from "vitest";
import { readSourceFiles, type Import, type SourceFile } from "./support/source-files.ts";

/** docs/architecture.md explains these rules; what they are is written here. */

const files = readSourceFiles(["src", "db"]);

/** The processes and commands. They import whatever they need, and nobody imports them. */
const entries = ["start.ts", "server.ts", "worker.ts", "cli.ts", "app.ts", "db-commands"];

/** Anyone may import these; deps.ts and config.ts only for their types. */
const ground = [
  "errors.ts",
  "log.ts",
  "clock.ts",
  "crash-point.ts",
  "config.ts",
  "sandbox-settings.ts",
  "deps.ts",
  "git-directory.ts",
  "host-git.ts",
  "db",
];
const typesOnly = ["config.ts", "sandbox-settings.ts", "deps.ts"];

const leaves = ["sandbox", "gateway", "github", "usage", "queue", "storage"];

/** Who may import whom beside the ground: a folder of src, or a file that stands in src itself. */
const direction: Readonly<Record<string, readonly string[]>> = {
  webhooks: ["tasks", "sessions", "billing", "github", "queue"],
  web: ["tasks", "sessions", "billing", "github", "queue", "usage"],
  api: ["tasks", "sessions", "billing", "github", "queue", "usage"],
  cli: [
    "tasks",
    "sessions",
    "billing",
    "github",
    "queue",
    "usage",
    "sandbox",
    "storage",
    "web",
    "embedded-postgres.ts",
  ],
  tasks: ["sessions", "billing", ...leaves],
  sessions: ["sandbox", "gateway", "github", "usage", "storage"],
  billing: ["usage"],
  ...Object.fromEntries(leaves.map((leaf) => [leaf, []])),
  "embedded-postgres.ts": ["embedded-postgres"],
  "embedded-postgres": [],
  "process.ts": [],
  "deps.ts": leaves,
  "billing-variables.ts": [],
  "environment.ts": ["billing-variables.ts"],
  "config.ts": ["environment.ts", "sandbox-settings.ts", "app-settings.ts", "billing-settings.ts"],
  "billing-settings.ts": ["environment.ts"],
  "app-settings.ts": ["environment.ts"],
  "sandbox-settings.ts": ["environment.ts"],
  "errors.ts": [],
  "log.ts": [],
  "clock.ts": [],
  "crash-point.ts": [],
  "git-directory.ts": [],
  "host-git.ts": [],
  db: [],
};

/** A package and where it may be imported; `types` of it may cross the fence where they carry no behaviour. */
const fences: readonly { packages: readonly string[]; inside: RegExp; types?: "anywhere" }[] = [
  { packages: ["@vibe-kit/sdk", "e2b", "@daytona/sdk", "cockatiel"], inside: /^src\/sandbox\// },
  { packages: ["aws4fetch"], inside: /^src\/storage\// },
  { packages: ["pg-boss"], inside: /^src\/queue\// },
  { packages: ["drizzle-orm"], inside: /^db\/|-store\.ts$|^src\/queue\// },
  { packages: ["postgres", "pg"], inside: /^db\/|-store\.ts$/ },
  { packages: ["drizzle-kit"], inside: /^db\// },
  { packages: ["stripe"], inside: /^src\/billing\// },
  { packages: ["probot"], inside: /^src\/(worker|app)\.ts$/, types: "anywhere" },
  { packages: ["@octokit/rest", "@octokit/auth-app"], inside: /^src\/github\//, types: "anywhere" },
  { packages: ["smee-client"], inside: /^src\/webhooks\/smee\.ts$/ },
  { packages: ["prom-client"], inside: /^src\/web\// },
];

test("every part of the program has its place in the table", () => {
  const parts = new Set(files.map(({ path }) => partOf(path)));
  const unknown = [...parts].filter((part) => !(part in direction) && !entries.includes(part));
  expect(unknown, "give it a row in `direction`, and one in docs/architecture.md").toEqual([]);
});

test("imports only go forward", () => {
  const wrong = ourImports().filter(({ from, to }) => {
    if (from === to || entries.includes(from)) return false;
    return !ground.includes(to) && direction[from]?.includes(to) !== true;
  });
  expect(wrong.map(say)).toEqual([]);
});

test("entries stand at the top: nobody imports them", () => {
  const wrong = ourImports().filter(({ from, to }) => entries.includes(to) && !entries.includes(from));
  expect(wrong.map(say)).toEqual([]);
});

test("only entries read the configuration and build clients; the others know the types", () => {
  const wrong = ourImports().filter(
    ({ from, to, typeOnly }) =>
      typesOnly.includes(to) && !typeOnly && ![...entries, "config.ts"].includes(from) && from !== to,
  );
  expect(wrong.map(say)).toEqual([]);
});

test("no folder imports back, not even by types", () => {
  const graph = new Map<string, Set<string>>();
  for (const { from, to } of ourImports()) {
    if (from === to || entries.includes(to)) continue;
    graph.set(from, (graph.get(from) ?? new Set()).add(to));
  }
  expect(findCycle(graph)).toBeNull();
});

test("a vendor's package stays behind its fence", () => {
  const wrong = files.flatMap((file) =>
    file.imports
      .filter((imported) => isOutside(file, imported))
      .map(({ target }) => `${file.path} -> ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("process.env is read by config.ts and by processes", () => {
  const allowed = /^src\/(config|start|server|worker|cli)\.ts$/;
  const wrong = files.filter(({ path, text }) => !allowed.test(path) && /\bprocess\.env\b/.test(text));
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test("nobody but the command line talks to the terminal by console", () => {
  const wrong = files.filter(({ path, text }) => !/^src\/cli[./]/.test(path) && /\bconsole\s*\./.test(text));
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test("a file of src fits into one look: 200 lines at most", () => {
  const long = files.filter(({ path, lineCount }) => path.startsWith("src/") && lineCount > 200);
  expect(long.map(({ path, lineCount }) => `${path}: ${lineCount}`)).toEqual([]);
});

test("names say what a file is for", () => {
  const vague = /^(utils?|helpers?|common|misc|lib|shared|index)$/;
  const wrong = files.filter(({ path }) => {
    const parts = path.replace(/(\.config|\.d)?\.ts$/, "").split("/");
    return parts.some((part) => vague.test(part) || !/^[a-z][a-z0-9-]*$/.test(part));
  });
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

test("exports have names", () => {
  const wrong = files.filter(
    ({ path, hasDefaultExport }) => hasDefaultExport && !path.endsWith(".config.ts"),
  );
  expect(wrong.map(({ path }) => path)).toEqual([]);
});

type Edge = { from: string; to: string; file: string; target: string; typeOnly: boolean };

function ourImports(): Edge[] {
  return files.flatMap(({ path, imports }) =>
    imports
      .filter(({ ours }) => ours)
      .map(({ target, typeOnly }) => ({
        from: partOf(path),
        to: partOf(target),
        file: path,
        target,
        typeOnly,
      })),
  );
}

/** The row of the table that a file belongs to. */
function partOf(path: string): string {
  if (/^db\/(generate-down|drizzle\.config)\.ts$/.test(path)) return "db-commands";
  const [folder = "", next = ""] = path.split("/");
  return folder === "src" ? next : folder;
}

function isOutside(file: SourceFile, imported: Import): boolean {
  const fence = fences.find(({ packages }) => packages.includes(imported.target));
  if (fence === undefined || fence.inside.test(file.path)) return false;
  return !(imported.typeOnly && fence.types === "anywhere");
}

const say = ({ file, target, typeOnly }: Edge): string => `${file} -> ${target}${typeOnly ? " (types)" : ""}`;

/** A way round, as the names on it; null when there is none. */
function findCycle(graph: ReadonlyMap<string, ReadonlySet<string>>): string | null {
  const done = new Set<string>();
  const walk = (node: string, way: readonly string[]): string | null => {
    if (way.includes(node))
      return [...way.slice(way.indexOf(node)), node].map((part) => basename(part)).join(" -> ");
    if (done.has(node)) return null;
    for (const next of graph.get(node) ?? []) {
      const cycle = walk(next, [...way, node]);
      if (cycle !== null) return cycle;
    }
    done.add(node);
    return null;
  };
  for (const node of graph.keys()) {
    const cycle = walk(node, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

test("a test with the whole bot says what is missing where bubblewrap is", () => {
  const forgetful = readSourceFiles(["test"]).filter(
    ({ path, text }) =>
      path.endsWith(".test.ts") && text.includes("openWorld(") && !text.includes("needBwrap"),
  );
  expect(forgetful.map(({ path }) => path)).toEqual([]);
});
