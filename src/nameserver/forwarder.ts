// Names of others: asked of the host's resolvers one after the other, remembered for as long as
// they allow, and bounded in every direction. Equal questions under way share one exchange, which
// also takes from a forger the many tries that he would need.

import { after, type Clock, type Millis } from '../base/clock.ts';
import { mayHoldMore } from '../base/fair-share.ts';
import type { Logger } from '../base/logger.ts';
import { type Random, randomInteger } from '../base/random.ts';
import { forwardKey, type UpstreamReply, upstreamQuestion } from '../dns/forwarded.ts';
import type { Question } from '../dns/guard.ts';
import { Rcode } from '../dns/protocol.ts';
import { type CachedReply, ReplyCache } from './cache.ts';
import { askByTcp, askByUdp, type ExchangeOptions } from './exchange.ts';
import type { NameserverCounters } from './metrics.ts';
import type { Upstream } from './resolv-conf.ts';
import type { Source } from './source-table.ts';

export interface ForwarderDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  readonly counters: NameserverCounters;
}

export interface ForwarderOptions {
  /** For one try of one server, milliseconds. */
  readonly timeoutMs: number;
  /** Tries over all servers; clients give up after 5 s (resolv.conf(5)). */
  readonly triesMax: number;
  readonly forwardsMax: number;
  readonly forwardsPerSourceMax: number;
  readonly cacheEntriesMax: number;
  readonly cacheBytesMax: number;
  readonly cacheSecondsMax: number;
}

export const FORWARDER_OPTIONS: ForwarderOptions = {
  timeoutMs: 1200,
  triesMax: 4,
  forwardsMax: 512,
  forwardsPerSourceMax: 64,
  cacheEntriesMax: 8192,
  cacheBytesMax: 8 * 1024 * 1024,
  cacheSecondsMax: 3600,
};

/** A server that gave no answer is asked last for this long. */
const SHUNNED_MS = 30_000;
/** Answers of a server that cannot help: another one may. */
const UNHELPFUL: ReadonlySet<number> = new Set([
  Rcode.FormatError,
  Rcode.ServerFailure,
  Rcode.NotImplemented,
  Rcode.Refused,
]);
const ORDINARY_RCODE_MAX = 15;

export class Forwarder {
  readonly #dependencies: ForwarderDependencies;
  readonly #options: ForwarderOptions;
  readonly #cache: ReplyCache;
  readonly #underWay = new Map<string, Promise<UpstreamReply | undefined>>();
  readonly #shunnedUntil = new Map<Upstream, Millis>();
  /** What ends each open exchange. */
  readonly #open = new Set<() => void>();
  #upstreams: readonly Upstream[] = [];
  #waiting = 0;
  #stopped = false;

  constructor(dependencies: ForwarderDependencies, options: ForwarderOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#cache = new ReplyCache({
      entriesMax: options.cacheEntriesMax,
      bytesMax: options.cacheBytesMax,
      lifetimeSecondsMax: options.cacheSecondsMax,
    });
  }

  /**
   * The servers to ask, in this order. Other servers may say other things: the cache is emptied.
   */
  setUpstreams(upstreams: readonly Upstream[]): void {
    this.#upstreams = [...upstreams];
    this.#shunnedUntil.clear();
    this.#cache.clear();
  }

  /**
   * The reply to `question`, which stands in `bytes`: at once when it is remembered, else a promise
   * of it, which never rejects. Undefined when no server helps or too much is under way.
   */
  resolve(
    bytes: Uint8Array,
    question: Question,
    source: Source,
  ): CachedReply | undefined | Promise<CachedReply | undefined> {
    const { clock, counters } = this.#dependencies;
    const key = forwardKey(bytes, question);
    const cached = this.#cache.get(key, clock.now());
    if (cached !== undefined) {
      counters.forwardsCached += 1;
      return cached;
    }
    const { forwardsMax, forwardsPerSourceMax } = this.#options;
    const free = forwardsMax - this.#waiting;
    if (this.#stopped || !mayHoldMore(source.forwards, forwardsPerSourceMax, free)) {
      counters.forwardsBusy += 1;
      return undefined;
    }
    return this.#wait(key, bytes, question, source);
  }

  /** Ends all exchanges without a reply. */
  stop(): void {
    this.#stopped = true;
    for (const giveUp of [...this.#open]) giveUp();
  }

  async #wait(
    key: string,
    bytes: Uint8Array,
    question: Question,
    source: Source,
  ): Promise<CachedReply | undefined> {
    const { counters } = this.#dependencies;
    this.#waiting += 1;
    source.forwards += 1;
    const reply = await this.#shared(key, bytes, question);
    source.forwards -= 1;
    this.#waiting -= 1;
    counters[reply === undefined ? 'forwardsFailed' : 'forwardsAnswered'] += 1;
    return reply === undefined ? undefined : { reply, ageSeconds: 0 };
  }

  #shared(key: string, bytes: Uint8Array, question: Question): Promise<UpstreamReply | undefined> {
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const exchange = this.#ask(bytes, question).then((reply) => {
      this.#underWay.delete(key);
      if (reply !== undefined) this.#cache.put(key, reply, this.#dependencies.clock.now());
      return reply;
    });
    this.#underWay.set(key, exchange);
    return exchange;
  }

  /** Asks server after server until one helps. */
  async #ask(bytes: Uint8Array, question: Question): Promise<UpstreamReply | undefined> {
    const { clock, logger } = this.#dependencies;
    const servers = this.#inOrder();
    if (servers.length === 0) return undefined;
    for (let tries = 0; tries < this.#options.triesMax; tries++) {
      const upstream = servers[tries % servers.length] as Upstream;
      const reply = await this.#askOne(upstream, bytes, question);
      if (this.#stopped) return undefined;
      if (reply !== undefined && isHelpful(reply)) {
        this.#shunnedUntil.delete(upstream);
        return reply;
      }
      if (reply === undefined) {
        logger.debug('upstream name server gave no answer', { address: upstream.address });
        this.#shunnedUntil.set(upstream, after(clock.now(), SHUNNED_MS));
      } else if (tries + 1 >= servers.length) {
        // Each server has said that it cannot help; asking again would say the same.
        return undefined;
      }
    }
    return undefined;
  }

  async #askOne(
    upstream: Upstream,
    bytes: Uint8Array,
    question: Question,
  ): Promise<UpstreamReply | undefined> {
    const { counters, random } = this.#dependencies;
    const { timeoutMs } = this.#options;
    const options: ExchangeOptions = { timeoutMs, counters, open: this.#open };
    const asked = upstreamQuestion(bytes, question, randomInteger(random, 0, 0xffff));
    counters.upstreamQuestions += 1;
    const reply = await askByUdp(upstream, asked, options);
    if (reply === undefined || !reply.truncated) return reply;
    // What fitted the datagram is better than nothing where a firewall lets no TCP through.
    return (await askByTcp(upstream, asked, options)) ?? reply;
  }

  /** The servers as configured, but those that were silent lately behind the others. */
  #inOrder(): readonly Upstream[] {
    const now = this.#dependencies.clock.now();
    const isShunned = (upstream: Upstream): boolean =>
      (this.#shunnedUntil.get(upstream) ?? now) > now;
    return [
      ...this.#upstreams.filter((upstream) => !isShunned(upstream)),
      ...this.#upstreams.filter(isShunned),
    ];
  }
}

function isHelpful(reply: UpstreamReply): boolean {
  return reply.rcode <= ORDINARY_RCODE_MAX && !UNHELPFUL.has(reply.rcode);
}
