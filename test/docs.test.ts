import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { describe, expect, test } from "vitest";
import { environment } from "../src/environment.ts";
import packageJson from "../package.json" with { type: "json" };
import { renderConfigurationPage, renderEnvExample } from "./support/environment-docs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...globSync("docs/**/*.md", { cwd: root }).sort(),
];

const textOf = (path: string): string => readFileSync(join(root, path), "utf8");

describe("the environment", () => {
  test("every variable has a description", () => {
    const silent = Object.entries(environment.shape).filter(
      ([, schema]) => (schema.description ?? "") === "",
    );
    expect(silent.map(([name]) => name)).toEqual([]);
  });

  test(".env.example is up to date", async () => {
    await expect(renderEnvExample()).toMatchFileSnapshot("../.env.example");
  });

  test("docs/configuration.md is up to date", async () => {
    const options = await resolveConfig(join(root, "docs/configuration.md"));
    const page = await format(renderConfigurationPage(), { ...options, parser: "markdown" });
    await expect(page).toMatchFileSnapshot("../docs/configuration.md");
  });
});

describe.each(pages)("%s", (page) => {
  test("leads to files and headings that exist", () => {
    const broken = linksOf(textOf(page)).filter((link) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && target.endsWith(".md") && !anchorsOf(textOf(target)).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test("names scripts that exist", () => {
    const named = [...textOf(page).matchAll(/\bnpm run (?:--silent )?([a-z0-9:-]+)/g)].map(
      ([, name = ""]) => name,
    );
    expect(named.filter((name) => !(name in packageJson.scripts))).toEqual([]);
  });

  test("names variables that exist", () => {
    const named = [
      ...withoutDrawings(textOf(page)).matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g),
    ];
    const unknown = named.map(([, name = ""]) => name).filter((name) => !(name in environment.shape));
    expect(unknown.filter((name) => !notOurs.includes(name))).toEqual([]);
  });
});

/** Variables of the tests, and names of others, that pages speak of. */
const notOurs = ["TEST_DATABASE_URL", "TEST_LOG_LEVEL", "NODE_EXTRA_CA_CERTS", "CAP_SETFCAP", "RLIMIT_NPROC"];

function linksOf(markdown: string): string[] {
  const links = [...withoutDrawings(markdown).matchAll(/\]\(<?([^)\s>]+)>?\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => !/^(https?|mailto):/.test(link));
}

const withoutDrawings = (markdown: string): string => markdown.replaceAll(/^```[\s\S]*?^```/gm, "");

/** As GitHub makes them: lower case, signs dropped, spaces to dashes. */
function anchorsOf(markdown: string): Set<string> {
  const titles = [...withoutDrawings(markdown).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}
