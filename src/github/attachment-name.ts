/** Long enough to be told apart, short enough for every file system: 60 characters are at most 240 bytes. */
const maxLength = 60;

/** A file name out of what somebody called it: letters, digits, dot, dash and underscore, with the ending the bytes ask for. */
export function attachmentName(input: { position: number; name: string; extension: string | null }): string {
  const plain = input.name
    .normalize()
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, "-")
    .replaceAll(/\.{2,}/g, ".")
    .replaceAll(/^[.-]+|[.-]+$/g, "");
  const { stem, ending } = split(plain === "" ? "file" : plain);
  const wanted = input.extension ?? ending;
  const tail = wanted === "" ? "" : `.${wanted}`;
  const short = Array.from(stem)
    .slice(0, maxLength - tail.length)
    .join("");
  return `${String(input.position).padStart(2, "0")}-${short}${tail}`;
}

/** What a name ends in, as far as it is an ending: at most eight letters and digits. */
function split(name: string): { stem: string; ending: string } {
  const match = /^(.+)\.([A-Za-z0-9]{1,8})$/.exec(name);
  return { stem: match?.[1] ?? name, ending: match?.[2] ?? "" };
}
