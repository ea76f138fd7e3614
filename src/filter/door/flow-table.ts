// The flows that this host began, so that their answers may come in. Its memory is fixed: sets of
// eight places, and a flow has its place in the set that its hash names. A full set gives up its
// oldest flow, so a lookup compares at most eight keys whatever anybody does.
//
//   set 0   | place | place | place | place | place | place | place | place |
//   set 1   | ...                                                           |
//
//   a place:  #keys     10 words: local address, remote address, ports, protocol
//             #phases   FlowPhase, 0 for an empty place
//             #usedAt   when a packet of the flow last passed
//
// Ports are local * 2^16 + remote; an echo has its identifier for the local port and 0 for the
// remote one. Nothing runs on a timer: a flow that is over its time counts as absent and its place
// as free.

import { assert } from '../../base/assert.ts';
import type { Millis } from '../../base/clock.ts';
import { readUint32 } from '../../ip/header.ts';

/** Sets of a table; 16,384 flows in about 0.9 MB. A power of two. */
export const FLOW_SETS = 2048;
/** Places of a set. */
export const FLOW_WAYS = 8;

const MINUTE = 60_000;
/** A TCP connection that is open may be silent this long (RFC 5382, REQ-5). */
export const TCP_OPEN_IDLE_MS: number = 124 * MINUTE;
/** A TCP connection that is opening or closing (RFC 5382, REQ-5). */
export const TCP_TRANSIENT_IDLE_MS: number = 4 * MINUTE;
/** RFC 4787, REQ-5. */
export const UDP_IDLE_MS: number = 5 * MINUTE;
/** RFC 5508, REQ-2. */
export const ECHO_IDLE_MS: number = MINUTE;

/** What a flow is and where it is in its life. */
export const FlowPhase = {
  TcpOpening: 1,
  TcpOpen: 2,
  TcpClosing: 3,
  Udp: 4,
  Echo: 5,
} as const;
export type FlowPhase = (typeof FlowPhase)[keyof typeof FlowPhase];

const EMPTY = 0;
/** By phase. */
const IDLE_MS = [
  Number.NEGATIVE_INFINITY,
  TCP_TRANSIENT_IDLE_MS,
  TCP_OPEN_IDLE_MS,
  TCP_TRANSIENT_IDLE_MS,
  UDP_IDLE_MS,
  ECHO_IDLE_MS,
] as const;

const ADDRESS_WORDS = 4;
const PORTS_WORD = 2 * ADDRESS_WORDS;
const PROTOCOL_WORD = PORTS_WORD + 1;
const KEY_WORDS = PROTOCOL_WORD + 1;

/** Odd constants whose multiples spread over the upper bits. */
const HASH_WORD = 0x9e37_79b1;
const HASH_END = 0x85eb_ca6b;

/** A place of the table, or NO_FLOW. */
export type Flow = number;
export const NO_FLOW: Flow = -1;

export class FlowTable {
  readonly #setMask: number;
  readonly #seed: number;
  readonly #keys: Uint32Array;
  readonly #phases: Uint8Array;
  readonly #usedAt: Float64Array;
  /** The key that is looked for. */
  readonly #key = new Uint32Array(KEY_WORDS);

  /** `seed` keeps those who choose ports from choosing sets; `sets` is a power of two. */
  constructor(seed: number, sets: number = FLOW_SETS) {
    assert(sets > 0 && (sets & (sets - 1)) === 0, 'FlowTable: sets must be a power of two');
    this.#setMask = sets - 1;
    this.#seed = seed;
    this.#keys = new Uint32Array(sets * FLOW_WAYS * KEY_WORDS);
    this.#phases = new Uint8Array(sets * FLOW_WAYS);
    this.#usedAt = new Float64Array(sets * FLOW_WAYS);
  }

  /**
   * The flow between the addresses at `local` and `remote` in `bytes`, or NO_FLOW. It is valid
   * until the next `begin`.
   */
  find(
    bytes: Uint8Array,
    local: number,
    remote: number,
    ports: number,
    protocol: number,
    now: Millis,
  ): Flow {
    const first = this.#takeKey(bytes, local, remote, ports, protocol);
    for (let place = first; place < first + FLOW_WAYS; place++) {
      if (this.#isLive(place, now) && this.#hasKey(place)) return place;
    }
    return NO_FLOW;
  }

  /** Remembers a flow that is not there, in the place of a free or the oldest one of its set. */
  begin(
    bytes: Uint8Array,
    local: number,
    remote: number,
    ports: number,
    protocol: number,
    phase: FlowPhase,
    now: Millis,
  ): void {
    const first = this.#takeKey(bytes, local, remote, ports, protocol);
    let place = first;
    for (let one = first; one < first + FLOW_WAYS; one++) {
      if (!this.#isLive(one, now)) {
        place = one;
        break;
      }
      if (this.#usedAt[one]! < this.#usedAt[place]!) place = one;
    }
    this.#keys.set(this.#key, place * KEY_WORDS);
    this.#phases[place] = phase;
    this.#usedAt[place] = now;
  }

  phaseOf(flow: Flow): FlowPhase {
    return this.#phases[flow] as FlowPhase;
  }

  /** A packet of `flow` passed and it is in `phase` from here on. */
  use(flow: Flow, phase: FlowPhase, now: Millis): void {
    this.#phases[flow] = phase;
    this.#usedAt[flow] = now;
  }

  #isLive(place: number, now: Millis): boolean {
    const phase = this.#phases[place]!;
    return phase !== EMPTY && now - this.#usedAt[place]! < IDLE_MS[phase]!;
  }

  #hasKey(place: number): boolean {
    const start = place * KEY_WORDS;
    for (let i = 0; i < KEY_WORDS; i++) if (this.#keys[start + i] !== this.#key[i]) return false;
    return true;
  }

  /** Puts a key together and returns the first place of its set. */
  #takeKey(
    bytes: Uint8Array,
    local: number,
    remote: number,
    ports: number,
    protocol: number,
  ): number {
    const key = this.#key;
    for (let i = 0; i < ADDRESS_WORDS; i++) {
      key[i] = readUint32(bytes, local + 4 * i);
      key[ADDRESS_WORDS + i] = readUint32(bytes, remote + 4 * i);
    }
    key[PORTS_WORD] = ports;
    key[PROTOCOL_WORD] = protocol;
    let hash = this.#seed;
    for (let i = 0; i < KEY_WORDS; i++) {
      hash = Math.imul(hash ^ key[i]!, HASH_WORD);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, HASH_END);
    hash ^= hash >>> 13;
    return (hash & this.#setMask) * FLOW_WAYS;
  }
}
