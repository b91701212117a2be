import assert from "node:assert/strict";
import { test } from "node:test";
import { slugify } from "../src/slugify.js";

test("joins words with single dashes", () => {
  assert.equal(slugify("Release notes, May 2026"), "release-notes-may-2026");
  assert.equal(slugify("one  --  two"), "one-two");
});

test("has no dash at either end", () => {
  assert.equal(slugify("(draft) Roadmap!"), "draft-roadmap");
});

test("keeps letters that carry an accent", () => {
  assert.equal(slugify("Crème brûlée"), "creme-brulee");
  assert.equal(slugify("Año nuevo en Málaga"), "ano-nuevo-en-malaga");
});

test("cuts between two words", () => {
  assert.equal(slugify("What's new?", { maxLength: 8 }), "what-s");
  assert.equal(slugify("Donaudampfschiff", { maxLength: 5 }), "donau");
});

test("is empty for a title without letters", () => {
  assert.equal(slugify("!?"), "");
});
