// Limits for each source by itself, so that one who asks without end keeps nobody else out.

import type { Server, Socket } from 'node:net';
import { sourceOf } from '../addressing/source.ts';
import type { Millis } from '../base/clock.ts';
import { FairPlaces } from '../base/fair-share.ts';
import { RateLimit, type RateLimitOptions } from './rate-limit.ts';

/** Sources that are remembered; more do not get in at one time. */
const SOURCES_MAX = 4_096;

export class SourceRates {
  readonly #options: RateLimitOptions;
  /** The one that asked last stands last. */
  readonly #rates = new Map<string, RateLimit>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Whether one more of `source` may pass at `now`, and counts it if so. */
  take(source: string, now: Millis): boolean {
    const rate = this.#rates.get(source) ?? new RateLimit(this.#options, now);
    this.#rates.delete(source);
    const [oldest] = this.#rates.keys();
    if (this.#rates.size >= SOURCES_MAX && oldest !== undefined) this.#rates.delete(oldest);
    this.#rates.set(source, rate);
    return rate.take(now);
  }
}

export interface ConnectionLimits {
  readonly perSource: number;
  readonly all: number;
}

/** Closes connections of a source that has its share already; see FairPlaces. */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const places = new FairPlaces(limits.all, limits.perSource);
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return;
    const leave = places.take(sourceOf(remoteAddress));
    if (leave === undefined) socket.destroy();
    else socket.once('close', leave);
  });
}
