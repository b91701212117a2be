import { fixFailingTest } from "./fix-failing-test.ts";

/** Mends the bug of demo/repository: slugify drops letters that carry an accent. */
export const demoFix = fixFailingTest({
  read: ["src/slugify.js", "test/slugify.test.js"],
  testCommand: "node --test",
  diagnosis:
    "`slugify` lower-cases the title and then replaces everything outside a–z and 0–9 by a dash, so `è` becomes a dash " +
    "instead of `e`. Decomposing the title first (NFD) and dropping the combining marks keeps the base letters.",
  edits: [
    {
      path: "src/slugify.js",
      oldText: "const notInSlug = /[^a-z0-9]+/g;\n",
      newText: "const notInSlug = /[^a-z0-9]+/g;\nconst accents = /\\p{Mark}/gu;\n",
    },
    {
      path: "src/slugify.js",
      oldText: '  const slug = title.toLowerCase().replace(notInSlug, "-").replace(/^-|-$/g, "");\n',
      newText:
        '  const plain = title.normalize("NFD").replace(accents, "").toLowerCase();\n' +
        '  const slug = plain.replace(notInSlug, "-").replace(/^-|-$/g, "");\n',
    },
  ],
  result: `Keep accented letters in slugs

## Summary
- \`slugify\` decomposes the title and drops the combining marks before it replaces what a slug cannot hold, so
  \`Crème brûlée\` becomes \`creme-brulee\` instead of \`cr-me-br-l-e\`.

## Why
Every character outside a–z and 0–9 was replaced by a dash, letters with an accent included, and words fell apart.

## How it was tested
- \`node --test\`: failed in "keeps letters that carry an accent" before the change, all tests pass after it.
`,
  summary:
    "Accented letters now keep their base letter in slugs; the test that failed passes and so do all others.",
});
