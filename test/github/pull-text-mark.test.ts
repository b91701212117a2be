import { expect, test } from "vitest";
import { findMark } from "../../src/github/mark.ts";
import { signPullText, whoseText } from "../../src/github/pull-text-mark.ts";

const text = { title: "Turn the widgets", body: "## Summary\n\nThey turn." };
const signed = { ...text, body: signPullText("t1", text) };

test("what we wrote is ours, also with the line ends of GitHub's editor", () => {
  expect(findMark(signed.body)?.kind).toBe("pull-request");
  expect(whoseText(signed)).toMatchObject({ title: true, body: true });
  expect(whoseText({ ...signed, body: signed.body.replaceAll("\n", "\r\n") })).toMatchObject({ body: true });
});

test("one letter more, one box ticked, the mark gone: the body is theirs", () => {
  expect(whoseText({ ...signed, body: signed.body.replace("turn", "turns") })).toMatchObject({ body: false });
  expect(whoseText({ ...signed, body: text.body })).toMatchObject({ title: false, body: false });
  expect(whoseText({ ...signed, body: `${signed.body}\n\nAnd more.` })).toMatchObject({ body: false });
});

test("a title that a person has changed stays theirs through our next body", () => {
  const theirs = { ...signed, title: "feat: widgets" };
  const { title, body, titleDigest } = whoseText(theirs);
  expect({ title, body }).toEqual({ title: false, body: true });
  const next = { title: theirs.title, body: signPullText("t2", { ...theirs, body: "New." }, titleDigest) };
  expect(whoseText(next)).toMatchObject({ title: false, body: true });
});
