// Handshakes as responder, in this process: how many a second, and how long one keeps the loop from
// other peers' packets. Sockets are left out; each initiation is of another peer. `npm run bench`.

import { randomBytes } from 'node:crypto';
import type { Millis, WallMillis } from '../../src/base/clock.ts';
import { DatagramBatch, PacketBatch } from '../../src/base/packet-batch.ts';
import { Device, SCRATCH_BYTES_MIN } from '../../src/device/device.ts';
import { TrieRoutes } from '../../src/device/trie-routes.ts';
import { opensslCrypto } from '../../src/os/linux/crypto/openssl.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import type { PrivateKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { keyPair } from '../../src/wireguard/identity.ts';
import { INITIATION_BYTES } from '../../src/wireguard/messages.ts';
import type { ReceiverIndex } from '../../src/wireguard/session/session.ts';
import { Tunnel } from '../../src/wireguard/tunnel.ts';
import { say } from './traffic.ts';

const WARM = 1000;
const MEASURED = 3000;
const NOW = 1000 as Millis;

const crypto = opensslCrypto(NOBLE_CRYPTO) ?? NOBLE_CRYPTO;
const slab = nativeSlab(2048);
const datagrams = new DatagramBatch(slab, 1);
const packets = new PacketBatch(slab, 1);
const privateKey = (): PrivateKey => new Uint8Array(randomBytes(32)) as PrivateKey;
const local = keyPair(crypto, privateKey());
let responses = 0;
const device = new Device(
  {
    crypto,
    random: SYSTEM_RANDOM,
    wallNow: () => Date.now() as WallMillis,
    routes: new TrieRoutes(),
    sink: {
      push: () => {
        responses += 1;
      },
      isSourceRight: () => true,
      flush: () => undefined,
    },
    events: {
      handshakeCompleted: () => undefined,
      peerSilent: () => undefined,
      endpointRoamed: () => undefined,
    },
    scratch: nativeSlab(SCRATCH_BYTES_MIN),
    // What it costs is measured here: the gate against floods stays open.
    workNow: () => NOW,
  },
  { privateKey: local.privateKey, mtu: 1420 },
);
const initiations = Array.from({ length: WARM + MEASURED }, (_, i) => initiation(i));
const micros = initiations.map(receive).slice(WARM);
const total = micros.reduce((sum, one) => sum + one, 0);
micros.sort((a, b) => a - b);
const at = (share: number): string => `${micros[Math.floor(MEASURED * share)]?.toFixed(0)} us`;
say(`${responses} responses to ${WARM + MEASURED} initiations`);
say(`${((MEASURED * 1e6) / total).toFixed(0)} handshakes a second as responder`);
say(`one takes ${at(0.5)} in the median, ${at(0.99)} at 99 %, ${at(0.999)} at 99.9 %`);

function initiation(index: number): Uint8Array {
  const own = keyPair(crypto, privateKey());
  device.installPeer({ publicKey: own.publicKey }, NOW);
  const indices = {
    claim: () => index as ReceiverIndex,
    bind: () => undefined,
    release: () => undefined,
  };
  const remote = local.publicKey;
  const tunnel = new Tunnel(
    { crypto, random: SYSTEM_RANDOM, indices },
    { local: own, remote, presharedKey: undefined },
  );
  const message = new Uint8Array(INITIATION_BYTES);
  tunnel.initiate(message, Date.now() as WallMillis, NOW);
  return message;
}

function receive(message: Uint8Array): number {
  slab.bytes.set(message, 0);
  datagrams.offsets[0] = 0;
  datagrams.lengths[0] = message.length;
  datagrams.endpoints.set([4, 0, 1, 2, 127, 0, 0, 1]);
  datagrams.count = 1;
  packets.clear();
  const begun = performance.now();
  device.receiveDatagrams(datagrams, packets, NOW);
  return (performance.now() - begun) * 1000;
}
