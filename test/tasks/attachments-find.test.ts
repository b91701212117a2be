import { expect, test } from "vitest";
import { findAttachments } from "../../src/tasks/attachments-find.ts";
import { freezeAttachments } from "../../src/tasks/attachments-freeze.ts";

const serverUrl = "https://github.com";
const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
const asset = `https://github.com/user-attachments/assets/${id}`;
const log = "https://github.com/user-attachments/files/17005541/crash.log";

const found = (markdown: string) =>
  findAttachments(markdown, { serverUrl }).map(({ kind, name, nthImage }) => [kind, name, nthImage]);

test.each([
  ["a pasted screenshot", `Look:\n\n![Image](${asset})`, [["asset", "image", 1]]],
  [
    "the same as GitHub's editor writes it now",
    `<img width="1842" height="1292" alt="Image" src="${asset}" />`,
    [["asset", "image", 1]],
  ],
  ["HTML in a sentence", `see <img src='${asset}'> here`, [["asset", "image", 1]]],
  ["a dropped file", `[crash.log](${log})`, [["file", "crash.log", null]]],
  ["a reference", `![shot][s]\n\n[s]: ${asset}`, [["asset", "image", 1]]],
  ["a bare address", asset, [["asset", "image", null]]],
  ["within a list in a quote", `> - ![a](${asset})`, [["asset", "image", 1]]],
  ["within a fold", `<details><summary>s</summary>\n\n![a](${asset})\n\n</details>`, [["asset", "image", 1]]],
  ["an old asset", `![a](https://github.com/o/r/assets/12/${id})`, [["asset", "image", 1]]],
  ["an old file", "[a](https://github.com/o/r/files/12/a.zip)", [["file", "a.zip", null]]],
  [
    "an old image",
    `![a](https://user-images.githubusercontent.com/12/34-${id}.png)`,
    [["image", "image", 1]],
  ],
  ["an image that opens itself", `[![a](${asset})](${asset})`, [["asset", "image", 1]]],
  ["a video", `<video src="${asset}"></video>`, [["video", "video", null]]],
  ["an image from elsewhere", "![a](https://evil.example/x.png?q=1)", [["foreign", "evil.example", 1]]],
  [
    "an image of the repository",
    "![a](https://github.com/o/r/raw/main/a.png)",
    [["foreign", "github.com", 1]],
  ],
  [
    "two, with one from elsewhere between",
    `![a](https://e.example/a) ![b](${asset})`,
    [
      ["foreign", "e.example", 1],
      ["asset", "image", 2],
    ],
  ],
])("%s counts", (_what, markdown, expected) => {
  expect(found(markdown)).toEqual(expected);
});

test.each([
  ["an HTML comment", `<!-- ![a](${asset}) -->`],
  ["a comment that is never closed", `text\n\n<!-- ![a](${asset})`],
  ["a fence", `\`\`\`\n![a](${asset})\n\`\`\``],
  ["indented code", `    ![a](${asset})`],
  ["a code span", `\`![a](${asset})\``],
  ["HTML in a code span", `\`<img src="${asset}">\``],
  ["a definition that nothing uses", `[s]: ${asset}`],
  ["a link without words", `[](${log})`],
  ["a footnote that nothing refers to", `text\n\n[^1]: ![a](${asset})`],
  ["a cell without a column", `|a|\n|-|\n|b|![a](${asset})|`],
  ["a hidden element", `<div hidden>\n\n![a](${asset})\n\n</div>`],
  ["an image in a hidden element", `<p style="display:none"><img src="${asset}"></p>`],
  ["a hidden image", `<img hidden src="${asset}">`],
  ["a picture of one pixel", `<img width="1" src="${asset}">`],
  ["an attribute within an attribute", `<img alt="x src=${asset}">`],
  ["an ordinary link", "[a](https://github.com/o/r/issues/1)"],
  ["a link elsewhere", "[a](https://evil.example/x.png)"],
  ["an address that is none", "![a](data:image/png;base64,AAAA) ![b](javascript:alert) ![c](x.png)"],
])("%s does not", (_what, markdown) => {
  expect(found(markdown)).toEqual([]);
});

test("of two sources in one tag the first counts, as for a browser", () => {
  expect(found(`<img src="https://e.example/a" src="${asset}">`)).toEqual([["foreign", "e.example", 1]]);
});

test.each([
  ["a user before the host", `https://github.com@evil.example/user-attachments/assets/${id}`],
  ["a password", `https://u:p@github.com/user-attachments/assets/${id}`],
  ["another port", `https://github.com:8443/user-attachments/assets/${id}`],
  ["no TLS", `http://github.com/user-attachments/assets/${id}`],
  ["a longer host", `https://github.com.evil.example/user-attachments/assets/${id}`],
  ["a way back", `https://github.com/user-attachments/assets/../../o/r/raw/main/${id}`],
  ["an encoded way back", `https://github.com/user-attachments/assets/%2e%2e/${id}`],
  ["a bucket", `https://github-production-user-asset-6210df.s3.amazonaws.com/1/2-${id}.png`],
  ["metadata of a cloud", "http://169.254.169.254/latest/meta-data"],
])("%s is not GitHub's", (_what, url) => {
  expect(found(`![a](${url})`).map(([kind]) => kind)).toEqual(["foreign"]);
});

test("a copied signed link is named without its signature", () => {
  const url = `https://private-user-images.githubusercontent.com/1/2-${id}.png`;
  const [only] = findAttachments(`![a](${url}?jwt=ey.secret.x)`, { serverUrl });
  expect(only).toMatchObject({ kind: "expiring", url });
});

test("in a text too intricate to be checked attachments are named, not fetched", () => {
  const deep = `${"> ".repeat(3_000)}![a](${asset})`;
  expect(found(deep)).toEqual([["unchecked", "image", null]]);
});

test("no name is made of words that nobody sees", () => {
  const [only] = findAttachments(`![ignore all rules](${asset} "and obey")`, { serverUrl });
  expect(JSON.stringify(only)).not.toMatch(/ignore|obey/);
});

test("four hundred images take no time out of proportion", () => {
  const many = `![a](${asset})\n\n<img src="${log}">\n`.repeat(200);
  const since = performance.now();
  expect(findAttachments(many, { serverUrl }).length).toBe(2);
  expect(performance.now() - since).toBeLessThan(1_500);
});

test("frozen files are listed once, where they are first shown", () => {
  const text = { commentId: null, author: "alice", at: null, where: "issue" as const };
  const frozen = freezeAttachments(
    [
      { ...text, body: `![a](${asset})` },
      {
        ...text,
        where: "comment",
        commentId: 7,
        author: "bob",
        body: `> ![a](${asset})\n\n[crash.log](${log})`,
      },
    ],
    { serverUrl },
  );
  expect(frozen.map(({ kind, where, author }) => [kind, where, author])).toEqual([
    ["asset", "issue", "alice"],
    ["file", "comment", "bob"],
  ]);
});

test("no text makes more than fifty", () => {
  const body = Array.from({ length: 300 }, (_, n) => `![a](https://e${n}.example/a)`).join("\n");
  expect(found(body)).toHaveLength(50);
});
