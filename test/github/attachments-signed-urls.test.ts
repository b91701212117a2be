import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Octokit } from "@octokit/rest";
import { expect, onTestFinished, test } from "vitest";
import { attachmentHosts } from "../../src/github/attachment-hosts.ts";
import { readSignedUrls } from "../../src/github/attachment-signed-urls.ts";

const id = (n: number) => `${n}f8fad5b-d9cb-469f-a165-70867728950e`;

async function readFrom(bodyHtml: string) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.accept}`);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ body: "", body_html: bodyHtml }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const octokit = new Octokit({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const input = {
    repository: { owner: "acme", name: "widgets" },
    issueNumber: 7,
    hosts: attachmentHosts("https://github.com"),
    signal: new AbortController().signal,
  };
  const ofIssue = await readSignedUrls(octokit, { ...input, commentId: null });
  await readSignedUrls(octokit, { ...input, commentId: 99 });
  return { signed: ofIssue, asked };
}

test("github.com's signed addresses are found by the attachment's id, and no others", async () => {
  const good = `https://private-user-images.githubusercontent.com/12/34-${id(1)}.png?jwt=ey.a-b_c.d`;
  const { signed, asked } = await readFrom(
    [
      `<a href="${good}"><img src="${good}" alt="x" style="max-width: 100%;"></a>`,
      `<img src="https://camo.githubusercontent.com/ab/${id(2)}.png?x=1" data-canonical-src="https://e.example/">`,
      `<img src="https://evil.example/12/34-${id(3)}.png?jwt=x">`,
      `<img src="https://private-user-images.githubusercontent.com/12/34-${id(4)}.png">`,
      `<img src="https://private-user-images.githubusercontent.com/${id(5)}/34.png?jwt=x">`,
      `<p>&lt;img src="https://private-user-images.githubusercontent.com/1/2-${id(1)}.png?jwt=second"</p>`,
    ].join("\n"),
  );
  expect([...signed]).toEqual([[id(1), good]]);
  expect(asked).toEqual([
    "/repos/acme/widgets/issues/7 application/vnd.github.full+json",
    "/repos/acme/widgets/issues/comments/99 application/vnd.github.full+json",
  ]);
});
