// The bytes of a question to the bytes of its answer, for an asker of one network: the guard, the
// pipeline, the records, in this order. Only the given table is looked at, so no answer can hold
// anything of another network.

import { type Random, randomUint32 } from '../base/random.ts';
import { ZoneIndexes } from './app-index.ts';
import { RecordEncoder, type RecordTail } from './codec.ts';
import type { AddressTarget, NameContent, ServiceTarget } from './content.ts';
import { guardQuestion, type Question } from './guard.ts';
import type { DnsCounter, DnsCounters } from './metrics.ts';
import { runPipeline } from './pipeline.ts';
import {
  POINTER_BYTES,
  POINTER_TARGET_MAX,
  Rcode,
  RECORD_TAIL_BYTES,
  RecordType,
  SERVICE_FIELDS_BYTES,
  TCP_MESSAGE_BYTES_MAX,
  TCP_QUESTION_BYTES_MAX,
  UDP_QUESTION_BYTES_MAX,
} from './protocol.ts';
import { makeQuery, type Query, type Verdict } from './query.ts';
import {
  makeErrorReply,
  makeHeaderReply,
  makeReply,
  replyBytesMax,
  roomForRecords,
  type Transport,
} from './reply.ts';
import type { NetworkZone } from './zone.ts';

export type Answer =
  /** The bytes are good until the next answer of the same answerer. */
  | { readonly type: 'reply'; readonly bytes: Uint8Array }
  | { readonly type: 'drop'; readonly reason: 'short' | 'response' }
  /** A name of somebody else: the caller asks the resolvers of the host. */
  | { readonly type: 'forward'; readonly question: Question };

/** Who asks, and how. */
export interface Asking {
  /** The table of the asker's network; undefined when nothing is known of that network. */
  readonly zone: NetworkZone | undefined;
  /** His own address, where he has one. */
  readonly self?: AddressTarget | undefined;
  readonly transport: Transport;
  /** True for an asker who must not ask here: every question of his is refused. */
  readonly refused?: boolean;
}

/**
 * What outlives a question: remembered encodings and derived tables, the counters, the dice, and
 * what would else be garbage of each answer.
 */
export interface Answerer {
  readonly encoder: RecordEncoder;
  readonly indexes: ZoneIndexes;
  readonly counters: DnsCounters;
  readonly random: Random;
  /** Targets in the order in which they were drawn last: any order is as good to draw from. */
  readonly orders: WeakMap<readonly unknown[], unknown[]>;
  /** For the bytes of one reply. */
  readonly memory: Uint8Array;
}

const REJECTION_COUNTERS: Readonly<Partial<Record<Rcode, DnsCounter>>> = {
  [Rcode.FormatError]: 'formatError',
  [Rcode.NotImplemented]: 'notImplemented',
  [Rcode.BadVersion]: 'badVersion',
};

/** `onTextCut` hears of each text that is too long for a record, with the bytes that are left. */
export function makeAnswerer(
  random: Random,
  counters: DnsCounters,
  onTextCut?: (bytes: number) => void,
): Answerer {
  return {
    encoder: new RecordEncoder(onTextCut),
    indexes: new ZoneIndexes(),
    counters,
    random,
    orders: new WeakMap(),
    memory: new Uint8Array(TCP_MESSAGE_BYTES_MAX),
  };
}

/** The answer to the message in `bytes`; never throws, whatever they are. */
export function answer(bytes: Uint8Array, asking: Asking, answerer: Answerer): Answer {
  const { counters } = answerer;
  const bytesMax = asking.transport === 'udp' ? UDP_QUESTION_BYTES_MAX : TCP_QUESTION_BYTES_MAX;
  const guarded = guardQuestion(bytes, bytesMax);
  if (guarded.kind === 'drop') {
    counters[guarded.reason === 'short' ? 'droppedShort' : 'droppedResponse'] += 1;
    return { type: 'drop', reason: guarded.reason };
  }
  if (guarded.kind === 'reject') {
    counters[REJECTION_COUNTERS[guarded.rcode] ?? 'refused'] += 1;
    const { rcode, question } = guarded;
    const reply =
      question === undefined
        ? makeHeaderReply(bytes, rcode)
        : makeErrorReply(bytes, question, rcode, answerer.memory);
    return { type: 'reply', bytes: reply };
  }
  const { question } = guarded;
  const query = makeQuery(question, { zone: asking.zone, self: asking.self }, answerer.indexes);
  const verdict = asking.refused === true ? 'refused' : runPipeline(query);
  if (verdict === 'forward') {
    counters.forward += 1;
    return { type: 'forward', question };
  }
  const turn = { bytes, question, query, transport: asking.transport, answerer };
  return { type: 'reply', bytes: replyTo(turn, verdict) };
}

/** One question on its way to its reply. */
interface Turn {
  readonly bytes: Uint8Array;
  readonly question: Question;
  readonly query: Query;
  readonly transport: Transport;
  readonly answerer: Answerer;
}

function replyTo(turn: Turn, verdict: Exclude<Verdict, 'forward'>): Uint8Array {
  const { bytes, question } = turn;
  const { counters, memory } = turn.answerer;
  switch (verdict) {
    case 'refused':
      counters.refused += 1;
      return makeErrorReply(bytes, question, Rcode.Refused, memory);
    case 'unready':
      counters.unready += 1;
      return makeErrorReply(bytes, question, Rcode.ServerFailure, memory);
    case 'absent':
      counters.absent += 1;
      return withoutRecords(turn, Rcode.NameError);
    default:
      return present(turn, verdict);
  }
}

/** The reply for a name that exists: its records of the asked type, or none. */
function present(turn: Turn, content: NameContent): Uint8Array {
  const { bytes, question, transport } = turn;
  const { counters, memory } = turn.answerer;
  const room = roomForRecords(question, replyBytesMax(question, transport));
  const { tails, additionals, complete } = pickRecords(turn, content, room);
  if (tails.length === 0 && complete) {
    counters.empty += 1;
    return withoutRecords(turn, Rcode.NoError);
  }
  counters.answered += 1;
  if (!complete) counters.truncated += 1;
  const truncated = !complete;
  const parts = {
    rcode: Rcode.NoError,
    authoritative: true,
    truncated,
    answers: tails,
    additionals,
  };
  return makeReply(bytes, question, parts, memory);
}

/**
 * NXDOMAIN, or NOERROR for a name that exists and lacks the asked type: with the SOA record, whose
 * numbers say how long that may be remembered (RFC 2308). It always fits.
 */
function withoutRecords(turn: Turn, rcode: Rcode): Uint8Array {
  const { bytes, question, query, answerer } = turn;
  const { apex } = query;
  const parts = {
    rcode,
    authoritative: true,
    truncated: false,
    answers: [],
    ...(apex && { authority: { apex, tail: answerer.encoder.authority(apex) } }),
  };
  return makeReply(bytes, question, parts, answerer.memory);
}

/** The records of the asked type that have room, and whether these are all. */
function pickRecords(turn: Turn, content: NameContent, room: number): Picked {
  const { query, answerer } = turn;
  const { encoder } = answerer;
  const asks = (type: number): boolean => query.type === type || query.type === RecordType.ANY;
  const picked = new Picked(turn.question.end, room);
  const adds = (tail: RecordTail): boolean => picked.add(tail) !== undefined;
  if (content.authority && query.apex !== undefined && asks(RecordType.SOA)) {
    picked.add(encoder.authority(query.apex));
  }
  if (content.instances !== undefined && asks(RecordType.AAAA)) {
    const draw = new Draw(answerer);
    draw.addAll(content.instances, (one) => adds(encoder.address(one)));
  }
  if (content.nearest !== undefined && asks(RecordType.AAAA)) {
    addNearest(content.nearest, new Draw(answerer), (one) => adds(encoder.address(one)));
  }
  if (content.services !== undefined && asks(RecordType.SRV)) {
    addServices(content.services, turn.answerer, picked);
  }
  if (content.pointers !== undefined && asks(RecordType.PTR)) {
    for (const one of content.pointers) picked.add(encoder.pointer(one));
  }
  if (content.text !== undefined && content.text.entries.length > 0 && asks(RecordType.TXT)) {
    const text = encoder.text(content.text);
    picked.add(text.tail);
    if (!text.complete) {
      picked.complete = false;
      answerer.counters.textCut += 1;
    }
  }
  return picked;
}

/** The records of an answer, as many as have room. */
class Picked {
  readonly tails: RecordTail[] = [];
  readonly additionals: { owner: number; tail: RecordTail }[] = [];
  complete = true;
  /** Where the next record begins. */
  #offset: number;
  readonly #end: number;

  /** Records begin behind the question, at `start`, and have `room`. */
  constructor(start: number, room: number) {
    this.#offset = start;
    this.#end = start + room;
  }

  /** Where the record stands; undefined when there was no room for it. */
  add(tail: RecordTail): number | undefined {
    const start = this.#offset;
    this.#offset += POINTER_BYTES + tail.length;
    if (this.#offset > this.#end) this.complete = false;
    else this.tails.push(tail);
    return this.#offset > this.#end ? undefined : start;
  }

  /** Adds a record of the name at `owner` that the client can do without; false when it is full. */
  addAdditional(owner: number, tail: RecordTail): boolean {
    this.#offset += POINTER_BYTES + tail.length;
    const fits = this.#offset <= this.#end && owner <= POINTER_TARGET_MAX;
    if (fits) this.additionals.push({ owner, tail });
    return fits;
  }
}

/** SRV records and, where all of them have room, the addresses of their targets (RFC 2782). */
function addServices(services: readonly ServiceTarget[], answerer: Answerer, picked: Picked): void {
  const targets: { readonly owner: number; readonly instance: AddressTarget }[] = [];
  const { encoder } = answerer;
  new Draw(answerer).addAll(services, (service) => {
    const start = picked.add(encoder.service(service));
    if (start === undefined) return false;
    const owner = start + POINTER_BYTES + RECORD_TAIL_BYTES + SERVICE_FIELDS_BYTES;
    targets.push({ owner, instance: service.instance });
    return true;
  });
  if (!picked.complete) return;
  for (const { owner, instance } of targets) {
    if (!picked.addAdditional(owner, encoder.address(instance))) return;
  }
}

/** Adds the targets of one group after the other, until there are as many as are wanted. */
function addNearest(
  { groups, count }: NonNullable<NameContent['nearest']>,
  draw: Draw,
  add: (target: AddressTarget) => boolean,
): void {
  let left = count;
  for (const group of groups) {
    draw.addAll(group, (target) => {
      left -= 1;
      return add(target) && left > 0;
    });
    if (left <= 0) return;
  }
}

/**
 * Draws for one answer: many small numbers from one random one, as nothing secret hangs on them.
 */
class Draw {
  readonly #answerer: Answerer;
  #state = 0;

  constructor(answerer: Answerer) {
    this.#answerer = answerer;
  }

  /**
   * Adds targets until `add` says that it was the last. Clients take the first address, so each
   * answer draws its own order (and, where not all fit, its own selection): Fisher and Yates's
   * shuffle as far as it is needed.
   */
  addAll<T>(targets: readonly T[], add: (target: T) => boolean): void {
    if (targets.length === 1) {
      add(targets[0] as T);
      return;
    }
    const order = this.#orderOf(targets);
    for (let i = 0; i < order.length; i++) {
      const j = i + this.#below(order.length - i);
      const drawn = order[j] as T;
      order[j] = order[i] as T;
      order[i] = drawn;
      if (!add(drawn)) return;
    }
  }

  #orderOf<T>(targets: readonly T[]): T[] {
    const { orders } = this.#answerer;
    const known = orders.get(targets);
    if (known !== undefined) return known as T[];
    const order = [...targets];
    orders.set(targets, order);
    return order;
  }

  /** A number from 0 to `bound - 1`. */
  #below(bound: number): number {
    if (this.#state === 0) this.#state = randomUint32(this.#answerer.random) | 1;
    this.#state = xorshift(this.#state);
    return this.#state % bound;
  }
}

/** One step of Marsaglia's 32-bit xorshift; `state` is not 0, and neither is what comes out. */
function xorshift(state: number): number {
  let next = state ^ (state << 13);
  next ^= next >>> 17;
  next ^= next << 5;
  return next >>> 0;
}
