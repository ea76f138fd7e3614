// The first look at a question's bytes, before anything else reads them: what is not exactly one
// well-formed question of class IN is dropped or rejected here. Each check looks at what it reads
// only, so hostile bytes cost no more than their length. RFC 1035 section 4.1, RFC 6891 section 6.

import {
  ADDITIONAL_COUNT_OFFSET,
  ANSWER_COUNT_OFFSET,
  AUTHORITY_COUNT_OFFSET,
  CHECKING_DISABLED_FLAG,
  CLASS_INTERNET,
  FLAGS_HIGH_OFFSET,
  FLAGS_LOW_OFFSET,
  HEADER_BYTES,
  NAME_BYTES_MAX,
  OPCODE_MASK,
  OPT_DNSSEC_OK_FLAG,
  POINTER_BITS,
  QUESTION_ADDITIONALS_MAX,
  QUESTION_COUNT_OFFSET,
  QUESTION_TAIL_BYTES,
  Rcode,
  RECORD_TAIL_BYTES,
  RECURSION_DESIRED_FLAG,
  RESPONSE_FLAG,
  RecordType,
} from './protocol.ts';

export interface Question {
  /**
   * The labels in order, letters in lower case. A byte that is no letter, digit, dash or underscore
   * stands as `\ddd`, so that a label with a dot in it is no two labels.
   */
  readonly labels: readonly string[];
  readonly type: number;
  /** Offset of the first byte behind the name's root label. */
  readonly nameEnd: number;
  /** Offset of the first byte behind the question. */
  readonly end: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** What the OPT record says; undefined for a client without EDNS. */
  readonly edns: Edns | undefined;
}

export interface Edns {
  readonly version: number;
  readonly payloadBytes: number;
  readonly dnssecOk: boolean;
}

export type Guarded =
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'drop'; readonly reason: 'short' | 'response' }
  | {
      readonly kind: 'reject';
      readonly rcode: Rcode;
      /** The question to echo; undefined when there is none that can be read. */
      readonly question: Question | undefined;
    };

/** Judges the bytes of a message of at most `bytesMax`; never throws. */
export function guardQuestion(bytes: Uint8Array, bytesMax: number): Guarded {
  if (bytes.length < HEADER_BYTES) return { kind: 'drop', reason: 'short' };
  const flags = byteAt(bytes, FLAGS_HIGH_OFFSET);
  // Whoever answers a response may answer his own answers for ever.
  if ((flags & RESPONSE_FLAG) !== 0) return { kind: 'drop', reason: 'response' };
  if ((flags & OPCODE_MASK) !== 0) return reject(Rcode.NotImplemented);
  if (bytes.length > bytesMax || !hasQuestionCounts(bytes)) return reject(Rcode.FormatError);
  const question = readQuestion(bytes);
  if (question === undefined) return reject(Rcode.FormatError);
  if (question.edns !== undefined && question.edns.version !== 0) {
    return reject(Rcode.BadVersion, question);
  }
  const recordClass = uint16At(bytes, question.end - 2);
  if (recordClass !== CLASS_INTERNET) return reject(Rcode.Refused, question);
  return { kind: 'question', question };
}

function reject(rcode: Rcode, question?: Question): Guarded {
  return { kind: 'reject', rcode, question };
}

function hasQuestionCounts(bytes: Uint8Array): boolean {
  return (
    uint16At(bytes, QUESTION_COUNT_OFFSET) === 1 &&
    uint16At(bytes, ANSWER_COUNT_OFFSET) === 0 &&
    uint16At(bytes, AUTHORITY_COUNT_OFFSET) === 0 &&
    uint16At(bytes, ADDITIONAL_COUNT_OFFSET) <= QUESTION_ADDITIONALS_MAX
  );
}

function readQuestion(bytes: Uint8Array): Question | undefined {
  const labels: string[] = [];
  const nameEnd = readName(bytes, labels);
  const end = nameEnd + QUESTION_TAIL_BYTES;
  if (nameEnd < 0 || end > bytes.length) return undefined;
  const edns = readAdditionals(bytes, end);
  if (edns === 'malformed') return undefined;
  return {
    labels,
    type: uint16At(bytes, nameEnd),
    nameEnd,
    end,
    recursionDesired: (byteAt(bytes, FLAGS_HIGH_OFFSET) & RECURSION_DESIRED_FLAG) !== 0,
    checkingDisabled: (byteAt(bytes, FLAGS_LOW_OFFSET) & CHECKING_DISABLED_FLAG) !== 0,
    edns,
  };
}

/** Appends the labels of the question's name; returns where it ends, or -1. No pointers. */
function readName(bytes: Uint8Array, labels: string[]): number {
  let offset = HEADER_BYTES;
  while (offset < bytes.length) {
    const length = byteAt(bytes, offset);
    if ((length & POINTER_BITS) !== 0) return -1;
    const next = offset + 1 + length;
    if (next - HEADER_BYTES > NAME_BYTES_MAX || next > bytes.length) return -1;
    if (length === 0) return next;
    labels.push(labelText(bytes, offset + 1, next));
    offset = next;
  }
  return -1;
}

/** A label's bytes in the form of `Question.labels`. */
export function labelText(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += CHARACTER_TEXTS[byteAt(bytes, i)];
  return text;
}

/** How each byte of a label stands in its text. */
const CHARACTER_TEXTS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  characterText(byte),
);

function characterText(byte: number): string {
  if (byte >= 0x41 && byte <= 0x5a) return String.fromCharCode(byte + 0x20);
  const plain =
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2d ||
    byte === 0x5f;
  return plain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
}

/**
 * What the OPT record among the additional records says; the message ends with the last of them.
 */
function readAdditionals(bytes: Uint8Array, start: number): Edns | undefined | 'malformed' {
  let edns: Edns | undefined;
  let offset = start;
  for (let left = uint16At(bytes, ADDITIONAL_COUNT_OFFSET); left > 0; left--) {
    const fields = skipName(bytes, offset);
    const data = fields + RECORD_TAIL_BYTES;
    if (fields < 0 || data > bytes.length) return 'malformed';
    if (uint16At(bytes, fields) === RecordType.OPT) {
      // One OPT only, and its owner is the root (RFC 6891 section 6.1.1).
      if (edns !== undefined || fields !== offset + 1) return 'malformed';
      edns = {
        payloadBytes: uint16At(bytes, fields + 2),
        version: byteAt(bytes, fields + 5),
        dnssecOk: (byteAt(bytes, fields + 6) & OPT_DNSSEC_OK_FLAG) !== 0,
      };
    }
    offset = data + uint16At(bytes, data - 2);
  }
  return offset === bytes.length ? edns : 'malformed';
}

/** Where the name at `offset` ends, a pointer being an end as well; -1 when it does not. */
export function skipName(bytes: Uint8Array, offset: number): number {
  let next = offset;
  while (next < bytes.length && next - offset < NAME_BYTES_MAX) {
    const length = byteAt(bytes, next);
    if ((length & POINTER_BITS) === POINTER_BITS) {
      return next + 2 <= bytes.length ? next + 2 : -1;
    }
    if ((length & POINTER_BITS) !== 0) return -1;
    next += 1 + length;
    if (length === 0) return next;
  }
  return -1;
}

/** The byte at an offset that was checked to be inside. */
export function byteAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset] as number;
}

/** The big-endian number at an offset that was checked to be inside. */
export function uint16At(bytes: Uint8Array, offset: number): number {
  return (byteAt(bytes, offset) << 8) | byteAt(bytes, offset + 1);
}

/** The big-endian number at an offset that was checked to be inside. */
export function uint32At(bytes: Uint8Array, offset: number): number {
  return uint16At(bytes, offset) * 0x1_0000 + uint16At(bytes, offset + 2);
}
