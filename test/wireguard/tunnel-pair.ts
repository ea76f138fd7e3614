// Two tunnels that face each other, without any network between: a test carries each message.

import type { Millis, WallMillis } from '../../src/base/clock.ts';
import type { PublicKey, SymmetricKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { type KeyPair, keyPair, startHandshake } from '../../src/wireguard/identity.ts';
import {
  INITIATION_BYTES,
  INITIATION_EPHEMERAL_OFFSET,
  INITIATION_STATIC_OFFSET,
  INITIATION_TIMESTAMP_OFFSET,
  RESPONSE_BYTES,
} from '../../src/wireguard/messages.ts';
import { type OpenedInitiation, openInitiation } from '../../src/wireguard/noise/responder.ts';
import { ReplayWindows } from '../../src/wireguard/session/replay-window.ts';
import type { ReceiverIndex, Session } from '../../src/wireguard/session/session.ts';
import { type IndexSpace, type InitiationVerdict, Tunnel } from '../../src/wireguard/tunnel.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

/** 2026-01-01T00:00:00Z at millisecond 0 of the monotonic clock. */
const WALL_START = Date.UTC(2026, 0, 1);

/** Indices that count up, so that a test can name them. */
export class CountingIndices implements IndexSpace {
  readonly sessions: Map<number, Session | undefined> = new Map();
  #next: number;

  constructor(first: number) {
    this.#next = first;
  }

  claim(): ReceiverIndex {
    const index = this.#next++ as ReceiverIndex;
    this.sessions.set(index, undefined);
    return index;
  }

  bind(index: ReceiverIndex, session: Session): void {
    this.sessions.set(index, session);
  }

  release(index: ReceiverIndex): void {
    this.sessions.delete(index);
  }
}

export interface Side {
  readonly keys: KeyPair;
  readonly tunnel: Tunnel;
  readonly indices: CountingIndices;
}

export interface PairOptions {
  readonly presharedKeys?: readonly [SymmetricKey | undefined, SymmetricKey | undefined];
  /** In place of b's public key in a's tunnel. */
  readonly remoteOfA?: PublicKey;
}

export function tunnelPair(options: PairOptions = {}): { a: Side; b: Side } {
  const random = new SeededRandom(1);
  const seeds = [new Uint8Array(32), new Uint8Array(32)];
  for (const seed of seeds) random.fill(seed);
  const [ofA, ofB] = seeds.map((seed) => keyPair(NOBLE_CRYPTO, seed)) as [KeyPair, KeyPair];
  const [pskOfA, pskOfB] = options.presharedKeys ?? [undefined, undefined];
  const side = (keys: KeyPair, remote: PublicKey, psk: SymmetricKey | undefined, first: number) => {
    const indices = new CountingIndices(first);
    const windows = new ReplayWindows();
    const dependencies = { crypto: NOBLE_CRYPTO, random, indices, windows };
    const tunnel = new Tunnel(dependencies, { local: keys, remote, presharedKey: psk });
    return { keys, tunnel, indices };
  };
  return {
    a: side(ofA, options.remoteOfA ?? ofB.publicKey, pskOfA, 100),
    b: side(ofB, ofA.publicKey, pskOfB, 200),
  };
}

/** An initiation, or undefined when the tunnel makes none. */
export function initiationOf(side: Side, ms: number): Uint8Array | undefined {
  const message = new Uint8Array(INITIATION_BYTES);
  const wallNow = (WALL_START + ms) as WallMillis;
  return side.tunnel.initiate(message, wallNow, ms as Millis) ? message : undefined;
}

/** What `side` makes of an initiation; the response is filled in when it is accepted. */
export function answerTo(
  side: Side,
  initiation: Uint8Array,
  ms: number,
): { verdict: InitiationVerdict; response: Uint8Array } {
  const response = new Uint8Array(RESPONSE_BYTES);
  const opened = openedBy(side, initiation);
  if (opened === undefined) return { verdict: 'invalid', response };
  const verdict = side.tunnel.acceptInitiation(opened, initiation, response, ms as Millis);
  return { verdict, response };
}

/** Makes a session on both sides, `a` being the initiator. Returns a's and b's. */
export function shakeHands(a: Side, b: Side, ms: number): { ofA: Session; ofB: Session } {
  const initiation = initiationOf(a, ms)!;
  const { response } = answerTo(b, initiation, ms);
  if (!a.tunnel.acceptResponse(response, ms as Millis)) throw new Error('no session');
  return { ofA: lastSession(a), ofB: lastSession(b) };
}

/** The session of the youngest index. */
export function lastSession(side: Side): Session {
  const session = [...side.indices.sessions.values()].at(-1);
  if (session === undefined) throw new Error('there is no session');
  return session;
}

function openedBy(side: Side, message: Uint8Array): OpenedInitiation | undefined {
  return openInitiation(
    startHandshake(NOBLE_CRYPTO, side.keys.publicKey),
    side.keys,
    message.slice(INITIATION_EPHEMERAL_OFFSET, INITIATION_STATIC_OFFSET) as PublicKey,
    message.subarray(INITIATION_STATIC_OFFSET, INITIATION_TIMESTAMP_OFFSET),
  );
}
