// Questions and answers as operators write and read them: a name and a type to the bytes that a
// client would send, and the bytes of a reply to lines.

import { Packet, type Resource } from 'dns2';
import type { Answerer, Asking } from './answer.ts';
import { guardQuestion } from './guard.ts';
import { decidingHandler } from './pipeline.ts';
import {
  CLASS_INTERNET,
  HEADER_BYTES,
  NAME_BYTES_MAX,
  TCP_QUESTION_BYTES_MAX,
} from './protocol.ts';
import { makeQuery } from './query.ts';

/** The types that operators may name. */
export const RECORD_TYPE_NUMBERS: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  ANY: 255,
};
const RCODE_NAMES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

const LABEL_PATTERN = /^[A-Za-z0-9_-]{1,63}$/;
const RECURSION_DESIRED = 0x0100;

export interface RecordLine {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data: string;
}

export interface ReplyLines {
  /** As dig(1) writes it: `NXDOMAIN`. */
  readonly outcome: string;
  readonly records: readonly RecordLine[];
}

export interface DecidingHandler {
  readonly name: string;
  readonly summary: string;
}

/** The question for `name`, with or without a final dot; undefined when it is no name. */
export function writeQuestion(name: string, type: number): Uint8Array | undefined {
  const labels = name.replace(/\.$/, '').split('.');
  const length = name.length + 2;
  if (length > NAME_BYTES_MAX || !labels.every((label) => LABEL_PATTERN.test(label))) {
    return undefined;
  }
  const wire = labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  const bytes = new Uint8Array(HEADER_BYTES + wire.length + 5);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, RECURSION_DESIRED);
  view.setUint16(4, 1);
  bytes.set(wire, HEADER_BYTES);
  view.setUint16(HEADER_BYTES + wire.length + 1, type);
  view.setUint16(HEADER_BYTES + wire.length + 3, CLASS_INTERNET);
  return bytes;
}

/** What the reply in `bytes` says; undefined when it cannot be read. */
export function readReplyLines(bytes: Uint8Array): ReplyLines | undefined {
  let packet: Packet;
  try {
    packet = Packet.parse(Buffer.from(bytes));
  } catch {
    return undefined;
  }
  if (packet.errors.length > 0) return undefined;
  const { rcode } = packet.header;
  return {
    outcome: RCODE_NAMES[rcode] ?? `RCODE${rcode}`,
    records: packet.answers.map(recordLine),
  };
}

/** The handler that decides on the question in `bytes`; undefined when it comes to none. */
export function findDecidingHandler(
  bytes: Uint8Array,
  asking: Pick<Asking, 'zone' | 'self'>,
  { indexes }: Pick<Answerer, 'indexes'>,
): DecidingHandler | undefined {
  const guarded = guardQuestion(bytes, TCP_QUESTION_BYTES_MAX);
  if (guarded.kind !== 'question') return undefined;
  const { zone, self } = asking;
  const handler = decidingHandler(makeQuery(guarded.question, { zone, self }, indexes));
  return handler === undefined ? undefined : { name: handler.name, summary: handler.summary };
}

function recordLine(record: Resource): RecordLine {
  const known = Object.entries(RECORD_TYPE_NUMBERS).find(([, number]) => number === record.type);
  return {
    name: record.name,
    type: known?.[0] ?? `TYPE${record.type}`,
    ttl: record.ttl,
    data: recordData(record),
  };
}

function recordData(record: Resource): string {
  const { address, data, domain, exchange, ns, port, primary, priority, target, weight } = record;
  if (target !== undefined) return `${priority} ${weight} ${port} ${target}`;
  if (exchange !== undefined) return `${priority} ${exchange}`;
  const single = address ?? domain ?? ns ?? primary;
  if (typeof single === 'string') return single;
  const strings = [data].flat().map((one) => (typeof one === 'string' ? one : ''));
  return strings.join('');
}
