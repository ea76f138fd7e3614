// A flood of initiations from many source addresses at a steady rate: none is a true one, but each
// may have a true mac1, and a mac2 that is no proof.
//
// Started with KIND TARGET PORT PUBLIC-KEY SECONDS inside a namespace that takes all of
// SOURCES_PREFIX for its own; prints how many it sent.

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fromHex } from '../../src/base/bytes.ts';
import {
  DatagramBatch,
  ENDPOINT_BYTES,
  ENDPOINT_LOCAL_OFFSET,
} from '../../src/base/packet-batch.ts';
import { parseEndpoint } from '../../src/device/peers/endpoint.ts';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import { openUdp } from '../../src/os/linux/udp/udp.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import { UDP_COUNTERS, UdpCounter } from '../../src/os/udp.ts';
import { CookieGenerator } from '../../src/wireguard/cookies.ts';
import { MAC_BYTES, type PublicKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { INITIATION_BYTES, MessageType, writeUint32 } from '../../src/wireguard/messages.ts';

/** What of its macs is true. */
export type FloodKind = 'wrong-mac1' | 'true-mac1' | 'wrong-mac2';
export const SOURCES_PREFIX = '10.8.0.0/16';
export const FLOOD_PER_SECOND = 10_000;

/** Messages and sources that are made before the flood begins and then used in turn. */
const PREPARED = 8_192;
const PAUSE_MS = 1;

const [kind, target = '', port, publicKey = '', seconds] = process.argv.slice(2);
if (kind !== undefined) await flood(kind as FloodKind);

async function flood(of: FloodKind): Promise<void> {
  const slab = nativeSlab(PREPARED * INITIATION_BYTES);
  const endpoints = prepareMessages(of, slab.bytes);
  const counters = new Float64Array(UDP_COUNTERS);
  const datagrams = new DatagramBatch(slab, 1);
  const lengthMax = INITIATION_BYTES;
  const udp = openUdp({ port: 0, datagrams, stride: lengthMax, lengthMax, counters });
  const start = performance.now();
  const count = FLOOD_PER_SECOND * Number(seconds);
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, ((performance.now() - start) * FLOOD_PER_SECOND) / 1000);
    for (; sent < due; sent++) {
      const n = sent % PREPARED;
      udp.push(slab, n * INITIATION_BYTES, INITIATION_BYTES, endpoints, n * ENDPOINT_BYTES, 0);
    }
    udp.flush();
    await delay(PAUSE_MS);
  }
  udp.close();
  process.stdout.write(`${counters[UdpCounter.Sent]}\n`);
}

/** Writes the messages one behind the other; returns where each is to go, and from where. */
function prepareMessages(of: FloodKind, bytes: Uint8Array): Uint8Array {
  const key = fromHex(publicKey) as PublicKey;
  const endpoint = parseEndpoint({ address: target, port: Number(port) });
  if (endpoint === undefined) throw new Error(`no endpoint: ${target}`);
  const endpoints = new Uint8Array(PREPARED * ENDPOINT_BYTES);
  bytes.set(randomBytes(bytes.length));
  for (let n = 0; n < PREPARED; n++) {
    const message = bytes.subarray(n * INITIATION_BYTES, (n + 1) * INITIATION_BYTES);
    writeUint32(message, 0, MessageType.Initiation);
    new CookieGenerator(NOBLE_CRYPTO, key).addMacs(message, 0 as never);
    const mac2 = message.subarray(-MAC_BYTES);
    if (of === 'wrong-mac1') message[INITIATION_BYTES - MAC_BYTES - 1]! ^= 1;
    if (of === 'wrong-mac2') SYSTEM_RANDOM.fill(mac2);
    endpoints.set(endpoint.bytes, n * ENDPOINT_BYTES);
    endpoints.set([10, 8, n >> 8, n & 0xff], n * ENDPOINT_BYTES + ENDPOINT_LOCAL_OFFSET);
  }
  return endpoints;
}
