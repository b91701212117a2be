/** The fields of a multipart/form-data body by their names; null when it is not whole. */
export function readFields(body: Buffer, contentType: string): Map<string, Buffer> | null {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) return null;
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter has no line end before it.
  const whole = Buffer.concat([Buffer.from("\r\n"), body]);
  const fields = new Map<string, Buffer>();
  let at = whole.indexOf(delimiter);
  while (at !== -1) {
    const start = at + delimiter.length;
    if (whole.subarray(start, start + 2).toString("latin1") === "--") return fields;
    const headEnd = whole.indexOf("\r\n\r\n", start);
    const end = whole.indexOf(delimiter, start);
    if (end === -1 || headEnd === -1 || headEnd > end) return null;
    const name = /; name="([^"]*)"/.exec(whole.subarray(start, headEnd).toString("utf8"))?.[1];
    if (name === undefined || fields.has(name)) return null;
    fields.set(name, whole.subarray(headEnd + 4, end));
    at = end;
  }
  return null;
}
