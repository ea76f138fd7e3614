// Small operations on byte arrays that the standard library lacks or does in variable time.

const HEX_DIGITS = '0123456789abcdef';
const HEX_PATTERN = /^(?:[0-9a-fA-F]{2})*$/;

/** Lower-case hexadecimal text, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  // In one piece: a text that was put together keeps its parts for as long as it is a key of a map.
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The bytes of hexadecimal text of either case, or undefined when `text` is not that. */
export function fromHex(text: string): Uint8Array | undefined {
  if (!HEX_PATTERN.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/**
 * The bytes of hexadecimal digits that stand in an array themselves, or undefined. For secrets: a
 * text cannot be zeroed.
 */
export function fromHexDigits(digits: Uint8Array): Uint8Array | undefined {
  if (digits.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(digits.length / 2);
  for (const [i, digit] of digits.entries()) {
    const value = hexDigitValue(digit);
    if (value < 0) {
      wipe(bytes);
      return undefined;
    }
    bytes[i >> 1] = ((bytes[i >> 1] ?? 0) << 4) | value;
  }
  return bytes;
}

/** Writes lower-case hexadecimal digits, two a byte, at `offset` of `target`. */
export function writeHexDigits(target: Uint8Array, offset: number, bytes: Uint8Array): void {
  for (const [i, byte] of bytes.entries()) {
    target[offset + 2 * i] = HEX_DIGITS.charCodeAt(byte >> 4);
    target[offset + 2 * i + 1] = HEX_DIGITS.charCodeAt(byte & 15);
  }
}

function hexDigitValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

/** Base64 text with padding, as WireGuard writes keys. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The bytes of canonical padded base64 text, or undefined when `text` is not exactly that. */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) return undefined;
  return new Uint8Array(bytes);
}

/**
 * Whether two arrays hold the same bytes, in a time that depends on the length alone. Arrays of
 * different length are unequal.
 */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** Whether every byte is zero, in a time that depends on the length alone. */
export function isAllZero(bytes: Uint8Array): boolean {
  let bits = 0;
  for (let i = 0; i < bytes.length; i++) bits |= bytes[i] as number;
  return bits === 0;
}

/** Overwrites secrets with zeros. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}
