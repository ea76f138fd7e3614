// Texts and bytes as one array that can be signed: each part with its length, the first of which
// says what the statement is about and its version, so that no statement is taken for another.
//
//   length (4 bytes, big-endian) | label | length | part | length | part | ...

const LENGTH_BYTES = 4;

export function statement(label: string, parts: readonly (string | Uint8Array)[]): Uint8Array {
  const fields = [label, ...parts].map((part) => Buffer.from(part as string));
  const length = fields.reduce((sum, field) => sum + LENGTH_BYTES + field.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const field of fields) {
    view.setUint32(at, field.length);
    bytes.set(field, at + LENGTH_BYTES);
    at += LENGTH_BYTES + field.length;
  }
  return bytes;
}
