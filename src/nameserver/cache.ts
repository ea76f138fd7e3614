// Replies of upstream servers, remembered for as long as they allow (RFC 2308 for those without an
// answer), bounded in number, bytes and time. The least recently used gives way.

import type { Millis } from '../base/clock.ts';
import type { UpstreamReply } from '../dns/forwarded.ts';

export interface CacheLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** However long a reply may be remembered by what it says. */
  readonly lifetimeSecondsMax: number;
}

export interface CachedReply {
  readonly reply: UpstreamReply;
  /** Whole seconds since it came: its TTLs are that much lower. */
  readonly ageSeconds: number;
}

interface Entry {
  readonly reply: UpstreamReply;
  readonly storedAt: Millis;
  readonly lifetimeMs: number;
}

/** What an entry costs beyond the bytes of its message: key, offsets, objects. */
const ENTRY_OVERHEAD_BYTES = 512;

export class ReplyCache {
  readonly #limits: CacheLimits;
  /** In order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, now: Millis): CachedReply | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const ageMs = now - entry.storedAt;
    if (ageMs >= entry.lifetimeMs) {
      this.#delete(key, entry);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return { reply: entry.reply, ageSeconds: Math.floor(ageMs / 1000) };
  }

  /** Remembers `reply`, unless it says that nobody may or is too large for the cache. */
  put(key: string, reply: UpstreamReply, now: Millis): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#delete(key, before);
    const lifetime = Math.min(reply.lifetimeSeconds, this.#limits.lifetimeSecondsMax);
    if (lifetime <= 0 || cost(reply) > this.#limits.bytesMax) return;
    this.#entries.set(key, { reply, storedAt: now, lifetimeMs: lifetime * 1000 });
    this.#bytes += cost(reply);
    this.#shrink();
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #shrink(): void {
    for (const [key, entry] of this.#entries) {
      const { entriesMax, bytesMax } = this.#limits;
      if (this.#entries.size <= entriesMax && this.#bytes <= bytesMax) return;
      this.#delete(key, entry);
    }
  }

  #delete(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= cost(entry.reply);
  }
}

function cost(reply: UpstreamReply): number {
  return reply.bytes.length + reply.ttlOffsets.length * 8 + ENTRY_OVERHEAD_BYTES;
}
