// Initiations of many peers at once, as after the restart of a host that all others talk to, in
// this process and without sockets: how long until each has an answer, a response or the cookie
// that it comes back with after 5 s, and how long until all have a session. `npm run bench`.

import { randomBytes } from 'node:crypto';
import { after, type Millis, type WallMillis } from '../../src/base/clock.ts';
import { DatagramBatch, ENDPOINT_BYTES, PacketBatch } from '../../src/base/packet-batch.ts';
import { Device, SCRATCH_BYTES_MIN } from '../../src/device/device.ts';
import { parseEndpoint } from '../../src/device/peers/endpoint.ts';
import { TrieRoutes } from '../../src/device/trie-routes.ts';
import { LinuxClock } from '../../src/os/linux/clock.ts';
import { opensslCrypto } from '../../src/os/linux/crypto/openssl.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import { REKEY_TIMEOUT_MS } from '../../src/wireguard/constants.ts';
import type { PrivateKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { keyPair } from '../../src/wireguard/identity.ts';
import {
  COOKIE_REPLY_RECEIVER_OFFSET,
  INITIATION_BYTES,
  MessageType,
  RESPONSE_RECEIVER_OFFSET,
  readUint32,
} from '../../src/wireguard/messages.ts';
import { ReplayWindows } from '../../src/wireguard/session/replay-window.ts';
import type { ReceiverIndex } from '../../src/wireguard/session/session.ts';
import { Tunnel } from '../../src/wireguard/tunnel.ts';
import { say } from './traffic.ts';

const PEERS = 2000;
const PORT = 51_820;
/** Messages of one receive. */
const BATCH = 32;
const TRIES_MAX = 5;

const crypto = opensslCrypto(NOBLE_CRYPTO) ?? NOBLE_CRYPTO;
const clock = new LinuxClock();
const slab = nativeSlab(BATCH * INITIATION_BYTES);
const datagrams = new DatagramBatch(slab, BATCH);
const packets = new PacketBatch(slab, BATCH);
const privateKey = (): PrivateKey => new Uint8Array(randomBytes(32)) as PrivateKey;
const local = keyPair(crypto, privateKey());

/** Answers by the index of who is answered. */
const responses = new Map<number, Uint8Array>();
const cookies = new Map<number, Uint8Array>();
const device = new Device(
  {
    crypto,
    random: SYSTEM_RANDOM,
    wallNow: () => clock.wallNow(),
    workNow: () => clock.threadNow(),
    routes: new TrieRoutes(),
    sink: { push: takeAnswer, isSourceRight: () => true, flush: () => undefined },
    events: {
      handshakeCompleted: () => undefined,
      peerSilent: () => undefined,
      endpointRoamed: () => undefined,
    },
    scratch: nativeSlab(SCRATCH_BYTES_MIN),
  },
  { privateKey: local.privateKey, mtu: 1420 },
);

const start = clock.now();
const peers = Array.from({ length: PEERS }, (_, index) => makePeer(index));
let waiting = peers;
for (let tries = 1; waiting.length > 0 && tries <= TRIES_MAX; tries++) {
  // Who has a cookie comes back as soon as the protocol lets him: time goes on without a wait.
  const later = (tries - 1) * (REKEY_TIMEOUT_MS + 100);
  const messages = waiting.map(({ tunnel }) => initiation(tunnel, after(clock.now(), later)));
  const before = { responses: responses.size, cookies: cookies.size };
  const begun = performance.now();
  for (let from = 0; from < waiting.length; from += BATCH) receive(from, messages, later);
  const tookMs = performance.now() - begun;
  const answered = responses.size - before.responses;
  const told = cookies.size - before.cookies;
  const silent = waiting.length - answered - told;
  say(
    `try ${tries}: ${waiting.length} initiations at once, ${answered} responses and ${told} ` +
      `cookies in ${tookMs.toFixed(0)} ms, ${silent} without an answer`,
  );
  for (const peer of waiting) {
    const cookie = cookies.get(peer.index);
    if (cookie !== undefined) peer.tunnel.acceptCookieReply(cookie, after(clock.now(), later));
  }
  cookies.clear();
  waiting = waiting.filter(({ index }) => !responses.has(index));
}
say(`${responses.size} of ${PEERS} peers have a session`);

interface BurstPeer {
  readonly index: number;
  readonly tunnel: Tunnel;
  readonly endpoint: Uint8Array;
}

/** A peer at a place of its own, which the device knows. */
function makePeer(index: number): BurstPeer {
  const own = keyPair(crypto, privateKey());
  const place = { address: `10.0.${index >> 8}.${index & 0xff}`, port: PORT };
  device.installPeer({ publicKey: own.publicKey, endpoint: place }, start);
  const indices = {
    claim: () => index as ReceiverIndex,
    bind: () => undefined,
    release: () => undefined,
  };
  const tunnel = new Tunnel(
    { crypto, random: SYSTEM_RANDOM, indices, windows: new ReplayWindows() },
    { local: own, remote: local.publicKey, presharedKey: undefined },
  );
  return { index, tunnel, endpoint: parseEndpoint(place)!.bytes };
}

function initiation(tunnel: Tunnel, now: Millis): Uint8Array {
  const message = new Uint8Array(INITIATION_BYTES);
  tunnel.initiate(message, Date.now() as WallMillis, now);
  return message;
}

function receive(from: number, messages: readonly Uint8Array[], later: number): void {
  packets.clear();
  datagrams.count = 0;
  for (const message of messages.slice(from, from + BATCH)) {
    const place = datagrams.count++;
    slab.bytes.set(message, place * INITIATION_BYTES);
    datagrams.offsets[place] = place * INITIATION_BYTES;
    datagrams.lengths[place] = INITIATION_BYTES;
    datagrams.endpoints.set(waiting[from + place]!.endpoint, place * ENDPOINT_BYTES);
  }
  device.receiveDatagrams(datagrams, packets, after(clock.now(), later));
}

function takeAnswer(from: { readonly bytes: Uint8Array }, offset: number, length: number): void {
  const message = from.bytes.slice(offset, offset + length);
  if (message[0] === MessageType.Response) {
    responses.set(readUint32(message, RESPONSE_RECEIVER_OFFSET), message);
  } else if (message[0] === MessageType.CookieReply) {
    cookies.set(readUint32(message, COOKIE_REPLY_RECEIVER_OFFSET), message);
  }
}
