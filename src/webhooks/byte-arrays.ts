/** PostgreSQL's own number for its type bytea, from its catalogue pg_type. */
const byteaOid = 17;

/**
 * A one-dimensional `bytea[]` as PostgreSQL receives it in binary, which is how the driver sends a Buffer: dimensions,
 * a flag for nulls, element type, length and lower bound, then each element behind its length.
 */
export function byteArrays(elements: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(20);
  [1, 0, byteaOid, elements.length, 1].forEach((value, index) => head.writeInt32BE(value, 4 * index));
  const parts: Buffer[] = [head];
  for (const element of elements) {
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(element.length);
    parts.push(length, element);
  }
  return Buffer.concat(parts);
}
