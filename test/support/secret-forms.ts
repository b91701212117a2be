/** Every form in which a secret could be passed on, as bytes in latin1: as it is, reversed, hex, base64, escapes. */
export function secretForms(secret: string | Buffer): string[] {
  const bytes = Buffer.from(secret);
  const both = [bytes, Buffer.from(bytes).reverse()];
  const forms = both.flatMap((value) => {
    const hex = value.toString("hex");
    const percent = Array.from(value, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
    return [
      value.toString("latin1"),
      hex,
      hex.toUpperCase(),
      percent,
      percent.toUpperCase(),
      ...base64Forms(value),
      ...(typeof secret === "string" ? textForms(value.toString("utf8")) : []),
      value.toString("latin1").split("").join("\0"),
    ];
  });
  return [...new Set(forms)];
}

function textForms(text: string): string[] {
  return [
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    encodeURIComponent(text).toLowerCase(),
  ];
}

/** In a longer text a secret begins at each of three alignments; the characters that mix with neighbours are cut. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
    const usable = Math.floor((padded.length * 8) / 6);
    const base64 = padded.toString("base64").slice(shift === 0 ? 0 : shift + 1, usable);
    return [base64, base64.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
