import { expect, test } from "vitest";
import { checkSignature } from "./signature.ts";

/** Requests, keys and signatures of the examples in AWS's own page on signing for S3 by the Authorization header. */
const credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
};
const now = new Date("2013-05-24T00:00:00Z");
const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const host = ["Host", "examplebucket.s3.amazonaws.com"];
const date = ["x-amz-date", "20130524T000000Z"];

function sign(names: string, signature: string): string[] {
  const scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
  return [
    "Authorization",
    `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${names},Signature=${signature}`,
  ];
}

const examples = {
  "an object": {
    method: "GET",
    target: "/test.txt",
    rawHeaders: [
      ...host,
      ...date,
      "Range",
      "bytes=0-9",
      "x-amz-content-sha256",
      emptySha256,
      ...sign(
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
      ),
    ],
  },
  "an upload": {
    method: "PUT",
    target: "/test%24file.text",
    rawHeaders: [
      ...host,
      ...date,
      "Date",
      "Fri, 24 May 2013 00:00:00 GMT",
      "x-amz-storage-class",
      "REDUCED_REDUNDANCY",
      "x-amz-content-sha256",
      "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
      ...sign(
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
      ),
    ],
  },
  "a query without a value": {
    method: "GET",
    target: "/?lifecycle",
    rawHeaders: [
      ...host,
      ...date,
      "x-amz-content-sha256",
      emptySha256,
      ...sign(
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
      ),
    ],
  },
  "a list": {
    method: "GET",
    target: "/?max-keys=2&prefix=J",
    rawHeaders: [
      ...host,
      ...date,
      "x-amz-content-sha256",
      emptySha256,
      ...sign(
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
      ),
    ],
  },
} as const;

test.each(Object.entries(examples))("AWS's example of %s verifies", (_, request) => {
  expect(checkSignature(request, credentials, now)).toBeNull();
});

const { method, target, rawHeaders } = examples["a list"];
const replaced = (from: string, to: string) => rawHeaders.map((value) => value.replace(from, to));

test.each([
  ["another query", { target: "/?max-keys=3&prefix=J" }, "SignatureDoesNotMatch"],
  ["another path", { target: "/x?max-keys=2&prefix=J" }, "SignatureDoesNotMatch"],
  ["another method", { method: "DELETE" }, "SignatureDoesNotMatch"],
  ["another host", { rawHeaders: replaced("examplebucket", "other") }, "SignatureDoesNotMatch"],
  ["another body", { rawHeaders: replaced(emptySha256, "0".repeat(64)) }, "SignatureDoesNotMatch"],
  ["another time", { rawHeaders: replaced("T000000Z", "T000001Z") }, "SignatureDoesNotMatch"],
  ["another day", { rawHeaders: replaced("20130524T", "20130525T") }, "AuthorizationHeaderMalformed"],
  ["another key", { rawHeaders: replaced("AKIA", "AKIB") }, "InvalidAccessKeyId"],
  ["another region", { rawHeaders: replaced("us-east-1", "us-east-2") }, "AuthorizationHeaderMalformed"],
  [
    "a header that is not signed",
    { rawHeaders: [...rawHeaders, "x-amz-acl", "public-read"] },
    "AccessDenied",
  ],
  ["no signature", { rawHeaders: rawHeaders.slice(0, -2) }, "AccessDenied"],
])("%s does not", (_, change, code) => {
  expect(checkSignature({ method, target, rawHeaders, ...change }, credentials, now)).toMatchObject({ code });
});

test("a clock that is 15 minutes off is refused on either side, one that is less is not", () => {
  const at = (minutes: number) =>
    checkSignature({ method, target, rawHeaders }, credentials, new Date(now.getTime() + minutes * 60_000));
  expect(at(15)).toBeNull();
  expect(at(-15)).toBeNull();
  expect(at(15.1)).toMatchObject({ code: "RequestTimeTooSkewed" });
  expect(at(-15.1)).toMatchObject({ code: "RequestTimeTooSkewed" });
});

test("the secret key takes part", () => {
  const other = { ...credentials, secretAccessKey: "other" };
  expect(checkSignature({ method, target, rawHeaders }, other, now)).toMatchObject({
    code: "SignatureDoesNotMatch",
  });
});
