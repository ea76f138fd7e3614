// Handshakes as responder, without sockets and in a worker thread like that of the data plane: how
// many a second, and for how long one keeps the loop from other peers' packets. Beside each a loop
// does nothing for as long as a handshake takes: what that takes longer the machine has taken away,
// from whatever runs. The initiations are written before and by another thread, so that what is
// collected is what a responder leaves. `npm run bench`.

import { randomBytes } from 'node:crypto';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import type { Millis, WallMillis } from '../../src/base/clock.ts';
import { DatagramBatch, PacketBatch } from '../../src/base/packet-batch.ts';
import { WORKER_LIMITS } from '../../src/dataplane/worker/worker-link.ts';
import { Device, SCRATCH_BYTES_MIN } from '../../src/device/device.ts';
import { TrieRoutes } from '../../src/device/trie-routes.ts';
import { opensslCrypto } from '../../src/os/linux/crypto/openssl.ts';
import { LinuxRandom } from '../../src/os/linux/random.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import { calmHelperThreads, raiseThreadPriority } from '../../src/os/linux/thread-priority.ts';
import type { PrivateKey, PublicKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { type KeyPair, keyPair } from '../../src/wireguard/identity.ts';
import { INITIATION_BYTES } from '../../src/wireguard/messages.ts';
import { ReplayWindows } from '../../src/wireguard/session/replay-window.ts';
import type { ReceiverIndex } from '../../src/wireguard/session/session.ts';
import { Tunnel } from '../../src/wireguard/tunnel.ts';
import { median, say } from './traffic.ts';

const PEERS = 200;
const WARM_ROUNDS = 10;
const ROUNDS = 60;
/** More than a peer must wait between two initiations. */
const ROUND_MS = 1000;
/** Turns of the loop that does nothing between two looks at the clock: some microseconds. */
const SPINS = 10_000;
const RANDOM = new LinuxRandom();
const CRYPTO = opensslCrypto(NOBLE_CRYPTO) ?? NOBLE_CRYPTO;

/** What the responder is told. */
interface Written {
  readonly privateKey: PrivateKey;
  readonly peers: readonly PublicKey[];
  /** One initiation of each peer after the other, for each round. */
  readonly initiations: Uint8Array;
}

function measure(written: Written): void {
  const responder = new Responder(written.privateKey);
  for (const peer of written.peers) responder.install(peer);
  const expected = median([...runRounds(responder, written, 0, WARM_ROUNDS, 0).handshakes]);
  const { handshakes, spins } = runRounds(responder, written, WARM_ROUNDS, ROUNDS, expected);
  const total = handshakes.reduce((sum, one) => sum + one, 0);
  say(`${responder.responses} responses to ${PEERS * (WARM_ROUNDS + ROUNDS)} initiations`);
  say(`${((handshakes.length * 1e6) / total).toFixed(0)} handshakes a second as responder`);
  say(`a handshake holds the loop for ${percentiles(handshakes)}`);
  say(`a loop that does nothing for as long takes ${percentiles(spins)}`);
}

function runRounds(
  responder: Responder,
  { initiations }: Written,
  first: number,
  rounds: number,
  spinMicros: number,
): { handshakes: Float64Array; spins: Float64Array } {
  // Lists that grow would be collected with what a handshake leaves.
  const handshakes = new Float64Array(rounds * PEERS);
  const spins = new Float64Array(rounds * PEERS);
  for (let round = first; round < first + rounds; round++) {
    const now = roundBegins(round);
    for (let peer = 0; peer < PEERS; peer++) {
      const start = initiationStart(round, peer);
      const message = initiations.subarray(start, start + INITIATION_BYTES);
      const at = (round - first) * PEERS + peer;
      handshakes[at] = responder.receive(message, now);
      spins[at] = spin(spinMicros);
    }
  }
  return { handshakes, spins };
}

class Responder {
  responses = 0;
  readonly #datagrams = new DatagramBatch(nativeSlab(2048), 1);
  readonly #packets = new PacketBatch(this.#datagrams.slab, 1);
  readonly #device: Device;

  constructor(privateKey: PrivateKey) {
    const sink = {
      push: () => {
        this.responses += 1;
      },
      isSourceRight: () => true,
      flush: () => undefined,
    };
    const nothing = () => undefined;
    const events = {
      handshakeCompleted: nothing,
      peerSilent: nothing,
      endpointRoamed: nothing,
    };
    this.#device = new Device(
      {
        crypto: CRYPTO,
        random: RANDOM,
        wallNow: () => Date.now() as WallMillis,
        routes: new TrieRoutes(),
        sink,
        events,
        scratch: nativeSlab(SCRATCH_BYTES_MIN),
        // What it costs is measured here: the gate against floods stays open.
        workNow: () => 0 as Millis,
      },
      { privateKey, mtu: 1420 },
    );
  }

  install(publicKey: PublicKey): void {
    this.#device.installPeer({ publicKey }, 0 as Millis);
  }

  /** Returns how many microseconds it took. */
  receive(message: Uint8Array, now: Millis): number {
    const [datagrams, packets] = [this.#datagrams, this.#packets];
    datagrams.slab.bytes.set(message, 0);
    datagrams.offsets[0] = 0;
    datagrams.lengths[0] = message.length;
    datagrams.endpoints.set([4, 0, 1, 2, 127, 0, 0, 1]);
    datagrams.count = 1;
    packets.clear();
    const begun = performance.now();
    this.#device.receiveDatagrams(datagrams, packets, now);
    return (performance.now() - begun) * 1000;
  }
}

function writeInitiations(): Written {
  const responder = keyPair(CRYPTO, privateKey());
  const peers = Array.from({ length: PEERS }, () => keyPair(CRYPTO, privateKey()));
  const tunnels = peers.map((own, index) => makeTunnel(own, responder.publicKey, index));
  const rounds = WARM_ROUNDS + ROUNDS;
  const initiations = new Uint8Array(initiationStart(rounds, 0));
  for (let round = 0; round < rounds; round++) {
    for (const [peer, tunnel] of tunnels.entries()) {
      const start = initiationStart(round, peer);
      const message = initiations.subarray(start, start + INITIATION_BYTES);
      tunnel.initiate(message, Date.now() as WallMillis, roundBegins(round));
    }
  }
  const publicKeys = peers.map((own) => own.publicKey);
  return { privateKey: responder.privateKey, peers: publicKeys, initiations };
}

function initiationStart(round: number, peer: number): number {
  return (round * PEERS + peer) * INITIATION_BYTES;
}

function roundBegins(round: number): Millis {
  return ((round + 1) * ROUND_MS) as Millis;
}

function makeTunnel(local: KeyPair, remote: PublicKey, index: number): Tunnel {
  const indices = {
    claim: () => index as ReceiverIndex,
    bind: () => undefined,
    release: () => undefined,
  };
  const keys = { local, remote, presharedKey: undefined };
  const windows = new ReplayWindows();
  return new Tunnel({ crypto: CRYPTO, random: RANDOM, indices, windows }, keys);
}

function privateKey(): PrivateKey {
  return new Uint8Array(randomBytes(32)) as PrivateKey;
}

function spin(micros: number): number {
  const begun = performance.now();
  const end = begun + micros / 1000;
  let at = begun;
  // The clock is asked seldom, since its answers are garbage to collect.
  for (let turns = 0; at < end; turns++) if (turns % SPINS === 0) at = performance.now();
  return (at - begun) * 1000;
}

function percentiles(micros: Float64Array): string {
  const sorted = micros.slice().sort();
  const at = (share: number): string =>
    `${sorted[Math.floor(sorted.length * share)]?.toFixed(0)} us`;
  return `${at(0.5)} in the median, ${at(0.99)} at 99 %, ${at(0.999)} at 99.9 %`;
}

if (isMainThread) {
  calmHelperThreads();
  const workerData = writeInitiations();
  new Worker(new URL(import.meta.url), { resourceLimits: WORKER_LIMITS, workerData });
} else {
  raiseThreadPriority();
  measure(workerData as Written);
}
