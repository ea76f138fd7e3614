// Questions for other servers and what comes back of them, as bytes: which reply is one to what we
// asked, how long it may be remembered, and how it is handed to a client. Replies are relayed, not
// decoded: what a record says is between its server and the client. RFC 5452, RFC 2308.

import { byteAt, type Question, skipName, uint16At, uint32At } from './guard.ts';
import {
  ADDITIONAL_COUNT_OFFSET,
  ANSWER_COUNT_OFFSET,
  AUTHORITY_COUNT_OFFSET,
  CHECKING_DISABLED_FLAG,
  FLAGS_HIGH_OFFSET,
  FLAGS_LOW_OFFSET,
  HEADER_BYTES,
  ID_OFFSET,
  OPCODE_MASK,
  OPT_BYTES,
  QUESTION_COUNT_OFFSET,
  RCODE_MASK,
  Rcode,
  RECORD_TAIL_BYTES,
  RECURSION_AVAILABLE_FLAG,
  RECURSION_DESIRED_FLAG,
  RESPONSE_FLAG,
  RecordType,
  TRUNCATED_FLAG,
} from './protocol.ts';
import { writeOpt } from './reply.ts';

/** A reply from upstream without its OPT record; its id and its question are ours to replace. */
export interface UpstreamReply {
  readonly bytes: Uint8Array;
  readonly questionEnd: number;
  readonly rcode: number;
  readonly truncated: boolean;
  /** How long it may be remembered; 0 for not at all. */
  readonly lifetimeSeconds: number;
  /** Where the TTLs stand, to be lowered by the reply's age. */
  readonly ttlOffsets: readonly number[];
}

/** Offset of TTL, RDLENGTH and RDATA behind a record's name. */
const TTL_OFFSET = 4;
const DATA_LENGTH_OFFSET = 8;
const MINIMUM_BYTES = 4;
/** A SOA record's two names take a byte at least, its five numbers 20. */
const AUTHORITY_DATA_BYTES_MIN = 22;
/** TTLs with the high bit set count as 0 (RFC 2181 section 8). */
const TTL_MAX = 0x7fff_ffff;

/** The question as it is asked upstream: with our id, our EDNS, and the client's DO and CD. */
export function upstreamQuestion(bytes: Uint8Array, question: Question, id: number): Uint8Array {
  const asked = new Uint8Array(question.end + OPT_BYTES);
  asked.set(bytes.subarray(HEADER_BYTES, question.end), HEADER_BYTES);
  const view = new DataView(asked.buffer);
  view.setUint16(ID_OFFSET, id);
  asked[FLAGS_HIGH_OFFSET] = RECURSION_DESIRED_FLAG;
  asked[FLAGS_LOW_OFFSET] = question.checkingDisabled ? CHECKING_DISABLED_FLAG : 0;
  view.setUint16(QUESTION_COUNT_OFFSET, 1);
  writeOpt(asked, question.edns?.dnssecOk ?? false, 0);
  return asked;
}

/**
 * Two questions with equal keys have the same answer: name without regard to case, type, DO, CD.
 */
export function forwardKey(bytes: Uint8Array, question: Question): string {
  const dnssec = question.edns?.dnssecOk ? 'd' : '';
  const checking = question.checkingDisabled ? 'c' : '';
  let name = '';
  for (let i = HEADER_BYTES; i < question.nameEnd; i++) {
    name += String.fromCharCode(foldCase(byteAt(bytes, i)));
  }
  return `${name}${question.type}${dnssec}${checking}`;
}

/**
 * The reply in `bytes` if it is one to `asked`, a question of upstreamQuestion(): same id, same
 * question, well-formed records. Undefined for anything else; never throws.
 */
export function readUpstreamReply(bytes: Uint8Array, asked: Uint8Array): UpstreamReply | undefined {
  const questionEnd = asked.length - OPT_BYTES;
  if (!answersQuestion(bytes, asked, questionEnd)) return undefined;
  const records = readRecords(bytes, questionEnd);
  if (records === undefined) return undefined;
  const header = bytes.subarray(0, records.end).slice();
  const view = new DataView(header.buffer);
  view.setUint16(ADDITIONAL_COUNT_OFFSET, records.additionals);
  const rcode = (records.extendedRcode << 4) | (byteAt(bytes, FLAGS_LOW_OFFSET) & RCODE_MASK);
  const truncated = (byteAt(bytes, FLAGS_HIGH_OFFSET) & TRUNCATED_FLAG) !== 0;
  return {
    bytes: header,
    questionEnd,
    rcode,
    truncated,
    lifetimeSeconds: truncated ? 0 : lifetime(rcode, records, uint16At(asked, questionEnd - 4)),
    ttlOffsets: records.ttlOffsets,
  };
}

/**
 * The reply for the client who asked in `bytes`: his id and spelling, TTLs less `ageSeconds`, an
 * OPT record if he had one; no record and the truncation flag if it has more than `bytesMax`.
 */
export function relayReply(
  bytes: Uint8Array,
  question: Question,
  reply: UpstreamReply,
  limits: { readonly bytesMax: number; readonly ageSeconds: number },
): Uint8Array {
  const optBytes = question.edns === undefined ? 0 : OPT_BYTES;
  const fits = reply.bytes.length + optBytes <= limits.bytesMax;
  const length = fits ? reply.bytes.length : question.end;
  const relayed = new Uint8Array(length + optBytes);
  relayed.set(reply.bytes.subarray(0, length));
  relayed.set(bytes.subarray(HEADER_BYTES, question.end), HEADER_BYTES);
  const view = new DataView(relayed.buffer);
  view.setUint16(ID_OFFSET, uint16At(bytes, ID_OFFSET));
  setRelayFlags(relayed, bytes, !fits || reply.truncated);
  if (!fits) {
    for (const count of [ANSWER_COUNT_OFFSET, AUTHORITY_COUNT_OFFSET, ADDITIONAL_COUNT_OFFSET]) {
      view.setUint16(count, 0);
    }
  } else {
    for (const offset of reply.ttlOffsets) {
      view.setUint32(offset, Math.max(0, view.getUint32(offset) - limits.ageSeconds));
    }
  }
  if (question.edns !== undefined) writeOpt(relayed, question.edns.dnssecOk, reply.rcode);
  return relayed;
}

/** The flags of the reply that was copied, but for those that are between the client and us. */
function setRelayFlags(relayed: Uint8Array, bytes: Uint8Array, truncated: boolean): void {
  const high = byteAt(relayed, FLAGS_HIGH_OFFSET) & ~(RECURSION_DESIRED_FLAG | TRUNCATED_FLAG);
  const asked = byteAt(bytes, FLAGS_HIGH_OFFSET) & RECURSION_DESIRED_FLAG;
  relayed[FLAGS_HIGH_OFFSET] = high | asked | (truncated ? TRUNCATED_FLAG : 0);
  relayed[FLAGS_LOW_OFFSET] = byteAt(relayed, FLAGS_LOW_OFFSET) | RECURSION_AVAILABLE_FLAG;
}

function answersQuestion(bytes: Uint8Array, asked: Uint8Array, questionEnd: number): boolean {
  if (bytes.length < questionEnd) return false;
  const flags = byteAt(bytes, FLAGS_HIGH_OFFSET);
  if ((flags & (RESPONSE_FLAG | OPCODE_MASK)) !== RESPONSE_FLAG) return false;
  if (uint16At(bytes, ID_OFFSET) !== uint16At(asked, ID_OFFSET)) return false;
  if (uint16At(bytes, QUESTION_COUNT_OFFSET) !== 1) return false;
  // Type and class hold no letters: a folded byte of theirs is equal only if it is the same.
  const nameEnd = questionEnd - 4;
  for (let i = HEADER_BYTES; i < questionEnd; i++) {
    const [a, b] = [byteAt(bytes, i), byteAt(asked, i)];
    if (i < nameEnd ? foldCase(a) !== foldCase(b) : a !== b) return false;
  }
  return true;
}

interface Records {
  /** Where the records end without the OPT record. */
  end: number;
  additionals: number;
  extendedRcode: number;
  readonly ttlOffsets: number[];
  readonly answerTypes: Set<number>;
  /** The least TTL of the answers; infinite for none. */
  answerTtl: number;
  /** How long the authority's SOA record lets the absence of an answer be remembered. */
  absenceTtl: number | undefined;
}

interface RecordFields {
  readonly type: number;
  /** Behind the name. */
  readonly fields: number;
  readonly end: number;
}

function readRecords(bytes: Uint8Array, start: number): Records | undefined {
  const records: Records = {
    end: start,
    additionals: 0,
    extendedRcode: 0,
    ttlOffsets: [],
    answerTypes: new Set(),
    answerTtl: Number.POSITIVE_INFINITY,
    absenceTtl: undefined,
  };
  let offset = start;
  for (let left = uint16At(bytes, ANSWER_COUNT_OFFSET); left > 0; left--) {
    const record = readRecord(bytes, offset);
    if (record === undefined) return undefined;
    offset = keep(records, record);
    records.answerTypes.add(record.type);
    records.answerTtl = Math.min(records.answerTtl, ttlAt(bytes, record));
  }
  for (let left = uint16At(bytes, AUTHORITY_COUNT_OFFSET); left > 0; left--) {
    const record = readRecord(bytes, offset);
    if (record === undefined) return undefined;
    offset = keep(records, record);
    if (record.type === RecordType.SOA) records.absenceTtl = absenceTtl(bytes, record);
  }
  return readAdditionals(bytes, offset, records) ? records : undefined;
}

/**
 * Additional records up to the OPT record. Those behind it, which hardly anybody sends, are left
 * out: their compression pointers would point past what is cut away.
 */
function readAdditionals(bytes: Uint8Array, start: number, records: Records): boolean {
  let offset = start;
  let cut = false;
  for (let left = uint16At(bytes, ADDITIONAL_COUNT_OFFSET); left > 0; left--) {
    const record = readRecord(bytes, offset);
    if (record === undefined) return false;
    offset = record.end;
    if (record.type === RecordType.OPT) {
      cut = true;
      records.extendedRcode = byteAt(bytes, record.fields + TTL_OFFSET);
    } else if (!cut) {
      keep(records, record);
      records.additionals += 1;
    }
  }
  return true;
}

function readRecord(bytes: Uint8Array, offset: number): RecordFields | undefined {
  const fields = skipName(bytes, offset);
  if (fields < 0 || fields + RECORD_TAIL_BYTES > bytes.length) return undefined;
  const end = fields + RECORD_TAIL_BYTES + uint16At(bytes, fields + DATA_LENGTH_OFFSET);
  return end > bytes.length ? undefined : { type: uint16At(bytes, fields), fields, end };
}

function keep(records: Records, record: RecordFields): number {
  records.ttlOffsets.push(record.fields + TTL_OFFSET);
  records.end = record.end;
  return record.end;
}

function ttlAt(bytes: Uint8Array, record: RecordFields): number {
  const ttl = uint32At(bytes, record.fields + TTL_OFFSET);
  return ttl > TTL_MAX ? 0 : ttl;
}

function absenceTtl(bytes: Uint8Array, record: RecordFields): number | undefined {
  const dataBytes = record.end - record.fields - RECORD_TAIL_BYTES;
  if (dataBytes < AUTHORITY_DATA_BYTES_MIN) return undefined;
  return Math.min(ttlAt(bytes, record), uint32At(bytes, record.end - MINIMUM_BYTES));
}

/** RFC 2308 section 5: without a SOA record, the absence of an answer is not remembered. */
function lifetime(rcode: number, records: Records, type: number): number {
  const answered = records.answerTypes.has(type) || type === RecordType.ANY;
  if (rcode === Rcode.NoError && answered && records.answerTypes.size > 0) return records.answerTtl;
  if (rcode !== Rcode.NoError && rcode !== Rcode.NameError) return 0;
  return records.absenceTtl === undefined ? 0 : Math.min(records.answerTtl, records.absenceTtl);
}

function foldCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
