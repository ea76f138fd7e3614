// From a question's bytes and where they came from and to, to the bytes that go back: who asks,
// whether he may, and whether we know or somebody else is asked. Both transports end here.

import type { NetworkId } from '../addressing/ids.ts';
import { INFRASTRUCTURE_NETWORK } from '../addressing/ids.ts';
import type { Clock, Millis } from '../base/clock.ts';
import { type Answerer, answer } from '../dns/answer.ts';
import { relayReply } from '../dns/forwarded.ts';
import type { Question } from '../dns/guard.ts';
import { type DecidingHandler, findDecidingHandler } from '../dns/inquiry.ts';
import { Rcode } from '../dns/protocol.ts';
import { makeErrorReply, replyBytesMax, type Transport } from '../dns/reply.ts';
import type { NetworkZone, Zone } from '../dns/zone.ts';
import type { CachedReply } from './cache.ts';
import type { Forwarder } from './forwarder.ts';
import type { NameserverCounters } from './metrics.ts';
import type { Source } from './source-table.ts';

/** Whose an address is, and who has asked how much. */
export interface Sources {
  /** Undefined for an address that has no business here. */
  find(address: string, now: Millis): Source | undefined;
  /** Takes one question from the share of `source`; false when there is none left. */
  takeQuestion(source: Source, now: Millis): boolean;
  /** Takes from the share of `source` what an answer of `bytes` costs beyond one datagram. */
  chargeAnswer(source: Source, bytes: number): void;
}

export interface ResponderDependencies {
  readonly clock: Clock;
  readonly answerer: Answerer;
  readonly forwarder: Forwarder;
  readonly sources: Sources;
  readonly counters: NameserverCounters;
}

/** A response, and who has decided on it. */
export interface Lookup {
  readonly handler: DecidingHandler | undefined;
  readonly response: Response;
}

/** Undefined for no reply at all. */
export type Response = Uint8Array | undefined;

/** The names of a host that asks for itself: it is in no tenant's network. */
const INFRASTRUCTURE_ZONE: NetworkZone = {
  apps: new Map(),
  regions: new Set(),
  nearestHosts: [],
  peers: [],
};

export class Responder {
  readonly #dependencies: ResponderDependencies;
  #zone: Zone | undefined;

  constructor(dependencies: ResponderDependencies) {
    this.#dependencies = dependencies;
  }

  setZone(zone: Zone): void {
    this.#zone = zone;
  }

  /** Who is behind a source address; undefined, and counted, for one that may not ask. */
  findSource(address: string): Source | undefined {
    const { clock, counters, sources } = this.#dependencies;
    const source = sources.find(address, clock.now());
    if (source === undefined) counters.foreignSources += 1;
    return source;
  }

  /** Whether `source` may ask one more question now; counted if not. */
  admit(source: Source): boolean {
    const { clock, counters, sources } = this.#dependencies;
    if (sources.takeQuestion(source, clock.now())) return true;
    counters.overRate += 1;
    return false;
  }

  /**
   * The response to the message in `bytes` (good until the next one is asked for) that came to the
   * server of network `listener` (0 for fdaa::3, the server of all). At once where nobody else must
   * be asked; a promise never rejects.
   */
  respond(
    bytes: Uint8Array,
    source: Source,
    listener: NetworkId,
    transport: Transport,
  ): Response | Promise<Response> {
    const { answerer, forwarder, sources } = this.#dependencies;
    const refused = listener !== INFRASTRUCTURE_NETWORK && listener !== source.network;
    const zone = refused ? undefined : this.#zoneOf(source.network);
    const result = answer(bytes, { zone, self: source.self, transport, refused }, answerer);
    if (result.type === 'reply') {
      sources.chargeAnswer(source, result.bytes.length);
      return result.bytes;
    }
    if (result.type === 'drop') return undefined;
    const { question } = result;
    // The caller's memory holds the next question by the time of a later answer.
    const kept = bytes.slice();
    const reply = forwarder.resolve(kept, question, source);
    return reply instanceof Promise
      ? reply.then((later) => relay(kept, question, later, transport))
      : relay(kept, question, reply, transport);
  }

  /** What an instance of `network` would get over TCP, where nothing is cut, and from whom. */
  async lookup(bytes: Uint8Array, network: NetworkId): Promise<Lookup> {
    const { answerer, clock } = this.#dependencies;
    const asking = { zone: this.#zoneOf(network), self: undefined };
    const shares = { tokens: 1, refilledAt: clock.now(), connections: 0, forwards: 0 };
    const source: Source = { network, self: undefined, ...shares };
    const handler = findDecidingHandler(bytes, asking, answerer);
    const response = this.respond(bytes, source, network, 'tcp');
    if (response instanceof Promise) return { handler, response: await response };
    return { handler, response: response?.slice() };
  }

  #zoneOf(network: NetworkId): NetworkZone | undefined {
    return network === INFRASTRUCTURE_NETWORK
      ? INFRASTRUCTURE_ZONE
      : this.#zone?.networks.get(network);
  }
}

function relay(
  bytes: Uint8Array,
  question: Question,
  cached: CachedReply | undefined,
  transport: Transport,
): Uint8Array {
  if (cached === undefined) return makeErrorReply(bytes, question, Rcode.ServerFailure);
  const bytesMax = replyBytesMax(question, transport);
  return relayReply(bytes, question, cached.reply, { bytesMax, ageSeconds: cached.ageSeconds });
}
