import { readFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { expect, test } from "vitest";
import { renderGrammar } from "../src/webhooks/command-verbs.ts";

const page = new URL("../docs/using.md", import.meta.url);
const mark = "<!-- From here to the end this page is made from src/webhooks/command-verbs.ts";

test("the commands in docs/using.md are those of the parser", async () => {
  const text = readFileSync(page, "utf8");
  const start = text.indexOf(mark);
  expect(start, "the mark that the generated part begins with").toBeGreaterThan(0);
  const byHand = text.slice(0, text.indexOf("\n", start));
  const options = await resolveConfig(page.pathname);
  const made = `${[byHand, ...renderGrammar()].join("\n\n")}\n`;
  await expect(await format(made, { ...options, parser: "markdown" })).toMatchFileSnapshot(
    "../docs/using.md",
  );
});
