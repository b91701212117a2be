import { expect, test } from "vitest";
import { attachmentName } from "../../src/github/attachment-name.ts";
import { refuseHead, sniffAttachment } from "../../src/github/attachment-type.ts";

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))),
  );
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const jpeg = bytes([0xff, 0xd8, 0xff, 0xe0, 0, 16], "JFIF\0", [1, 1, 0, 0, 1, 0, 1, 0, 0, 0xff, 0xd9]);
const gif = bytes("GIF89a", [1, 0, 1, 0, 0, 0, 0, 0x3b]);
const webp = bytes(
  "RIFF",
  [26, 0, 0, 0],
  "WEBPVP8L",
  [13, 0, 0, 0, 0x2f, 0, 0, 0, 0x10, 7, 16, 17, 17, 136, 136, 8, 8, 0],
);
const pdf = bytes("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n");
const zip = bytes(
  "PK\x03\x04",
  [20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
  "aX",
);
const gz = bytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 4, 0, 0x43, 0xbe, 0xb7, 0xe8, 1, 0, 0, 0]);
const mp4 = bytes([0, 0, 0, 24], "ftypisom", [0, 0, 2, 0], "isomiso2");
const utf16 = Buffer.from("\ufeffFehler: Datei nicht gefunden\r\n", "utf16le");
const svg = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>';
const page = "<!DOCTYPE html>\n<html><body>Sign in</body></html>";

const sniff = (data: Buffer | string, name: string, more: { isImage?: boolean; contentType?: string } = {}) =>
  sniffAttachment(Buffer.from(data), {
    name,
    isImage: more.isImage ?? false,
    contentType: more.contentType ?? null,
  });

test.each([
  ["png", png, "image", "PNG image", "png"],
  ["jpeg", jpeg, "image", "JPEG image", "jpg"],
  ["gif", gif, "image", "GIF image", "gif"],
  ["webp", webp, "image", "WebP image", "webp"],
])("%s is told from its bytes, which give the ending", async (_what, data, name, label, extension) => {
  expect(await sniff(data, name, { isImage: true })).toEqual({ ok: true, label, extension });
});

test.each([
  ["an image with another image's ending", jpeg, "shot.png", { label: "JPEG image", extension: "jpg" }],
  ["an ending of its own", jpeg, "shot.jpeg", { label: "JPEG image", extension: null }],
  ["a PDF", pdf, "spec.pdf", { label: "PDF", extension: null }],
  ["a PDF called text", pdf, "spec.txt", { label: "PDF", extension: "pdf" }],
  ["a ZIP", zip, "repro.zip", { label: "ZIP archive", extension: null }],
  ["gzip", gz, "logs.tgz", { label: "gzip archive", extension: null }],
  ["a log", "12:00 started\n\u001b[31merror\u001b[0m ✗\n", "run.log", { label: "text", extension: null }],
  ["text without an ending", "hello", "NOTES", { label: "text", extension: "txt" }],
  ["what PowerShell writes", utf16, "out.txt", { label: "text", extension: null }],
  ["XML", "<?xml version='1.0'?><a/>", "a.xml", { label: "text", extension: null }],
  ["a web page that was attached", page, "page.html", { label: "text", extension: null }],
])("%s is taken", async (_what, data, name, expected) => {
  expect(await sniff(data, name)).toEqual({ ok: true, ...expected });
});

test("SVG is source text, not a picture", async () => {
  expect(await sniff(svg, "image", { isImage: true })).toEqual({
    ok: true,
    label: "SVG source, as text",
    extension: "svg",
  });
});

test.each([
  ["an error page for an image", page, "image", { isImage: true }, "a web page came in its place"],
  [
    "an error page for a log",
    page,
    "run.log",
    { contentType: "text/html; charset=utf-8" },
    "a web page came in its place",
  ],
  [
    "words for an image",
    '{"message":"Not Found"}',
    "image",
    { isImage: true },
    "an image was expected, text came",
  ],
  ["words for an archive", "hello", "repro.zip", {}, "its bytes are text, against its name"],
  ["nothing", "", "empty.log", {}, "it is empty"],
  ["a video", mp4, "clip.mp4", {}, "a mp4 file; only images, PDF, zip, gzip and text are taken"],
  [
    "a program",
    bytes([0x7f], "ELF", [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    "run.txt",
    {},
    "a elf file; only images, PDF, zip, gzip and text are taken",
  ],
  [
    "unknown bytes",
    bytes([1, 2, 0, 3, 250, 4]),
    "core.dmp",
    {},
    "unknown binary; only images, PDF, zip, gzip and text are taken",
  ],
  [
    "broken UTF-8",
    bytes("caf\xe9 \xff"),
    "a.txt",
    {},
    "unknown binary; only images, PDF, zip, gzip and text are taken",
  ],
])("%s is refused with the reason", async (_what, data, name, more, reason) => {
  expect(await sniff(data, name, more)).toEqual({ ok: false, reason });
});

test("the beginning is enough to refuse a video, and never refuses what may be taken", async () => {
  expect(await refuseHead(mp4)).toContain("mp4");
  for (const data of [png, jpeg, gif, webp, pdf, zip, gz, utf16, Buffer.from(svg), Buffer.from("text")])
    expect(await refuseHead(data)).toBeNull();
});

test("damaged files of every kind are judged, never thrown at", async () => {
  let seed = 42;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const kinds = [png, jpeg, gif, webp, pdf, zip, gz, mp4, utf16, Buffer.from(svg)];
  for (let round = 0; round < 400; round++) {
    const data = Buffer.from(kinds[round % kinds.length] ?? png);
    for (let n = 0; n < 4; n++) data[Math.floor(random() * data.length)] = Math.floor(random() * 256);
    expect(typeof (await sniff(data.subarray(0, Math.ceil(random() * data.length)), "a.bin")).ok).toBe(
      "boolean",
    );
  }
});

test.each([
  ["crash.log", null, "01-crash.log"],
  ["shot.png", "jpg", "01-shot.jpg"],
  ["../../etc/passwd", null, "01-etc-passwd"],
  ["-rf *", null, "01-rf"],
  [".bashrc", null, "01-bashrc"],
  ["a;touch x`$(y)`.txt", null, "01-a-touch-x-y-.txt"],
  ["скриншот 1.png", "png", "01-скриншот-1.png"],
  ["evil\u202egnp.exe.log", null, "01-evil-gnp.exe.log"],
  ["\n\0", null, "01-file"],
  ["x".repeat(300) + ".txt", null, `01-${"x".repeat(56)}.txt`],
])("%j becomes a harmless name", (name, extension, expected) => {
  expect(attachmentName({ position: 1, name, extension })).toBe(expected);
});
