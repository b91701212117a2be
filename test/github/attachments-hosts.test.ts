import { expect, test } from "vitest";
import { attachmentHosts } from "../../src/github/attachment-hosts.ts";

const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
const dotCom = attachmentHosts("https://github.com");
const enterprise = attachmentHosts("https://git.example.com");
const at = (address: string) => new URL(address);

test.each([
  [`https://private-user-images.githubusercontent.com/1/2-${id}.png?jwt=x`, "storage"],
  [`https://github-production-user-asset-6210df.s3.amazonaws.com/1/2-${id}.png?X-Amz-Signature=x`, "storage"],
  [
    "https://objects.githubusercontent.com/github-production-repository-file-5c1aeb/1/2?X-Amz-Signature=x",
    "storage",
  ],
  [`https://github.com/user-attachments/assets/${id}`, "storage"],
  ["https://github.com/login?return_to=x", "page"],
  ["https://evil.githubusercontent.com/x", "foreign"],
  ["https://raw.githubusercontent.com/o/r/main/x", "foreign"],
  ["https://github-production-user-asset-6210df.s3.amazonaws.com.evil.example/", "foreign"],
  ["https://github-production-user-asset-evil.s3.amazonaws.com/", "foreign"],
  ["http://objects.githubusercontent.com/x", "foreign"],
  ["https://objects.githubusercontent.com:444/x", "foreign"],
  ["https://x@objects.githubusercontent.com/x", "foreign"],
  ["http://169.254.169.254/latest", "foreign"],
  ["http://127.0.0.1:5432/", "foreign"],
  ["file:///etc/passwd", "foreign"],
])("github.com's redirect to %s leads to %s", (address, place) => {
  expect(dotCom.judgeRedirect(at(address))).toBe(place);
});

test("a server of one's own has its subdomains, and nothing of github.com's", () => {
  expect(enterprise.judgeRedirect(at(`https://media.git.example.com/user/5/files/${id}?token=x`))).toBe(
    "storage",
  );
  expect(enterprise.judgeRedirect(at(`https://git.example.com/storage/user/5/files/${id}?token=x`))).toBe(
    "storage",
  );
  expect(enterprise.judgeRedirect(at("https://example.com/"))).toBe("foreign");
  expect(enterprise.judgeRedirect(at("https://evilgit.example.com/"))).toBe("foreign");
  expect(enterprise.judgeRedirect(at("https://objects.githubusercontent.com/x"))).toBe("foreign");
  expect(enterprise.classify(at(`https://github.com/user-attachments/assets/${id}`))).toBeNull();
  expect(enterprise.classify(at(`https://media.git.example.com/user/5/files/${id}`))).toMatchObject({
    kind: "asset",
    uuid: id,
  });
});

test("the token may be shown to attachments on the server, and to no other address", () => {
  expect(dotCom.takesToken(at(`https://github.com/user-attachments/assets/${id}`))).toBe(true);
  expect(dotCom.takesToken(at("https://github.com/user-attachments/files/1/a.log"))).toBe(true);
  for (const address of [
    "https://github.com/login",
    `https://private-user-images.githubusercontent.com/1/2-${id}.png`,
    `https://user-images.githubusercontent.com/1/2-${id}.png`,
    `http://github.com/user-attachments/assets/${id}`,
    `https://github.com.evil.example/user-attachments/assets/${id}`,
  ]) {
    expect(dotCom.takesToken(at(address)), address).toBe(false);
  }
  expect(enterprise.takesToken(at(`https://git.example.com/storage/user/5/files/${id}?token=x`))).toBe(false);
});
