// Replies, made from the bytes of their questions: the header and the question are copied, so that
// id and spelling of the name come back as they were, and records follow.
//
//   header, question | 0xc00c tail | 0xc00c tail | ... | SOA | additional records | OPT

import type { RecordTail } from './codec.ts';
import { byteAt, type Question } from './guard.ts';
import {
  ADDITIONAL_COUNT_OFFSET,
  ANSWER_COUNT_OFFSET,
  AUTHORITATIVE_FLAG,
  AUTHORITY_COUNT_OFFSET,
  CHECKING_DISABLED_FLAG,
  FLAGS_HIGH_OFFSET,
  FLAGS_LOW_OFFSET,
  HEADER_BYTES,
  OPCODE_MASK,
  OPT_BYTES,
  OPT_DNSSEC_OK_FLAG,
  POINTER_BITS,
  POINTER_BYTES,
  QUESTION_COUNT_OFFSET,
  QUESTION_POINTER,
  RCODE_MASK,
  type Rcode,
  RECURSION_AVAILABLE_FLAG,
  RECURSION_DESIRED_FLAG,
  RESPONSE_FLAG,
  RecordType,
  TCP_MESSAGE_BYTES_MAX,
  TRUNCATED_FLAG,
  UDP_PAYLOAD_BYTES_DEFAULT,
  UDP_PAYLOAD_BYTES_MAX,
} from './protocol.ts';
import type { Apex } from './query.ts';

export type Transport = 'udp' | 'tcp';

export interface ReplyParts {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly answers: readonly RecordTail[];
  /** Behind all others, each with the offset of the name that it is of. */
  readonly additionals?: readonly { readonly owner: number; readonly tail: RecordTail }[];
  /** The SOA record and the zone it is of. */
  readonly authority?: { readonly apex: Apex; readonly tail: RecordTail };
}

/** How many bytes the reply to `question` may have. */
export function replyBytesMax(question: Question, transport: Transport): number {
  if (transport === 'tcp') return TCP_MESSAGE_BYTES_MAX;
  const asked = question.edns?.payloadBytes ?? UDP_PAYLOAD_BYTES_DEFAULT;
  return Math.min(Math.max(asked, UDP_PAYLOAD_BYTES_DEFAULT), UDP_PAYLOAD_BYTES_MAX);
}

/** How many bytes of a reply to `question` are left for records when it has at most `bytesMax`. */
export function roomForRecords(question: Question, bytesMax: number): number {
  return bytesMax - question.end - (question.edns === undefined ? 0 : OPT_BYTES);
}

/** The reply with `parts`, which fit; in `memory`, if given, and else in memory of its own. */
export function makeReply(
  bytes: Uint8Array,
  question: Question,
  parts: ReplyParts,
  memory?: Uint8Array,
): Uint8Array {
  const { answers, additionals = [], authority } = parts;
  let length = question.end + (question.edns === undefined ? 0 : OPT_BYTES);
  for (const tail of answers) length += POINTER_BYTES + tail.length;
  for (const { tail } of additionals) length += POINTER_BYTES + tail.length;
  if (authority !== undefined) length += POINTER_BYTES + authority.tail.length;

  const reply = memory?.subarray(0, length) ?? new Uint8Array(length);
  reply.set(bytes.subarray(0, question.end));
  writeFlags(reply, bytes, parts);
  const counts = [1, answers.length, authority === undefined ? 0 : 1, additionals.length] as const;
  writeCounts(reply, counts);
  let offset = question.end;
  for (const tail of answers) offset = writeRecord(reply, offset, QUESTION_POINTER, tail);
  if (authority !== undefined) {
    // The zone's name ends the question's name.
    const owner = question.nameEnd - authority.apex.wireBytes;
    offset = writeRecord(reply, offset, pointerTo(owner), authority.tail);
  }
  for (const { owner, tail } of additionals) {
    offset = writeRecord(reply, offset, pointerTo(owner), tail);
  }
  if (question.edns !== undefined) writeOpt(reply, question.edns.dnssecOk, parts.rcode);
  return reply;
}

/** A reply of a header alone, to what has no question that can be read: 12 bytes or more. */
export function makeHeaderReply(bytes: Uint8Array, rcode: Rcode): Uint8Array {
  const reply = bytes.slice(0, HEADER_BYTES);
  writeFlags(reply, bytes, { rcode, authoritative: false, truncated: false });
  writeCounts(reply, [0, 0, 0, 0]);
  return reply;
}

/** A reply with `rcode` and no record. */
export function makeErrorReply(
  bytes: Uint8Array,
  question: Question,
  rcode: Rcode,
  memory?: Uint8Array,
): Uint8Array {
  const parts = { rcode, authoritative: false, truncated: false, answers: [] };
  return makeReply(bytes, question, parts, memory);
}

/** Writes an OPT record of our own into the last bytes of a reply and counts it. */
export function writeOpt(reply: Uint8Array, dnssecOk: boolean, rcode: number): void {
  const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  const start = reply.length - OPT_BYTES;
  view.setUint8(start, 0);
  view.setUint16(start + 1, RecordType.OPT);
  view.setUint16(start + 3, UDP_PAYLOAD_BYTES_MAX);
  view.setUint8(start + 5, rcode >> 4);
  view.setUint8(start + 6, 0);
  view.setUint8(start + 7, dnssecOk ? OPT_DNSSEC_OK_FLAG : 0);
  view.setUint8(start + 8, 0);
  view.setUint16(start + 9, 0);
  view.setUint16(ADDITIONAL_COUNT_OFFSET, view.getUint16(ADDITIONAL_COUNT_OFFSET) + 1);
}

function writeFlags(
  reply: Uint8Array,
  bytes: Uint8Array,
  parts: Pick<ReplyParts, 'rcode' | 'authoritative' | 'truncated'>,
): void {
  const kept = byteAt(bytes, FLAGS_HIGH_OFFSET) & (OPCODE_MASK | RECURSION_DESIRED_FLAG);
  reply[FLAGS_HIGH_OFFSET] =
    RESPONSE_FLAG |
    kept |
    (parts.authoritative ? AUTHORITATIVE_FLAG : 0) |
    (parts.truncated ? TRUNCATED_FLAG : 0);
  reply[FLAGS_LOW_OFFSET] =
    RECURSION_AVAILABLE_FLAG |
    (byteAt(bytes, FLAGS_LOW_OFFSET) & CHECKING_DISABLED_FLAG) |
    (parts.rcode & RCODE_MASK);
}

type Counts = readonly [
  questions: number,
  answers: number,
  authorities: number,
  additionals: number,
];

function writeCounts(reply: Uint8Array, counts: Counts): void {
  const [questions, answers, authorities, additionals] = counts;
  const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  view.setUint16(QUESTION_COUNT_OFFSET, questions);
  view.setUint16(ANSWER_COUNT_OFFSET, answers);
  view.setUint16(AUTHORITY_COUNT_OFFSET, authorities);
  view.setUint16(ADDITIONAL_COUNT_OFFSET, additionals);
}

/** A compression pointer to a name at `offset`, which is at most POINTER_TARGET_MAX. */
function pointerTo(offset: number): number {
  return (POINTER_BITS << 8) | offset;
}

function writeRecord(
  reply: Uint8Array,
  offset: number,
  ownerPointer: number,
  tail: RecordTail,
): number {
  reply[offset] = ownerPointer >> 8;
  reply[offset + 1] = ownerPointer & 0xff;
  reply.set(tail, offset + POINTER_BYTES);
  return offset + POINTER_BYTES + tail.length;
}
