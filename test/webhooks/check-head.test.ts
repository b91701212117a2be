import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { checkHead, maxBodyBytes } from "../../src/webhooks/check-head.ts";
import { toRequest } from "./send-delivery.ts";

function head({ contentLength = 2, event = "issues", id = "a-1" }) {
  const request = new IncomingMessage(new Socket());
  const { headers } = toRequest({ event, body: "{}", id });
  request.headers = { ...headers, "content-length": String(contentLength) };
  return checkHead(request);
}

test("a body that says it is too large is refused by its head alone", () => {
  expect(head({ contentLength: maxBodyBytes + 1 })).toMatchObject({
    ok: false,
    status: 413,
    reason: "too-large",
  });
  expect(head({ contentLength: maxBodyBytes })).toMatchObject({ ok: true, event: "issues" });
});

test.each([{ event: "issue comment" }, { event: "../issues" }, { event: "" }, { id: "a b" }, { id: "" }])(
  "no name that GitHub gives: %o",
  (names) => {
    expect(head(names)).toMatchObject({ ok: false, status: 400, reason: "headers" });
  },
);
