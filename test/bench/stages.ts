// What each stage of the packet path costs a packet, without the kernel and in a worker thread, as
// that of the data plane is (which has its native memory elsewhere): full segments of a TCP flow,
// cut, sealed, opened, judged and merged, in nanoseconds and in bytes that are allocated on
// JavaScript's heap. `npm run bench`.

import { isMainThread, Worker } from 'node:worker_threads';
import type { HostId, InstanceId, NetworkId } from '../../src/addressing/ids.ts';
import { instanceAddress } from '../../src/addressing/layout.ts';
import type { Millis } from '../../src/base/clock.ts';
import { type MergedWriter, Merger } from '../../src/dataplane/offload/merger.ts';
import { Segmenter } from '../../src/dataplane/offload/segmenter.ts';
import { PacketFilter } from '../../src/filter/filter.ts';
import { opensslCrypto } from '../../src/os/linux/crypto/openssl.ts';
import { nativeSummedSlab } from '../../src/os/linux/slab.ts';
import { NEEDS_CHECKSUM, SuperpacketKind, writeVirtioHeader } from '../../src/os/virtio-header.ts';
import type { SymmetricKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { buildPacket } from '../dataplane/offload/transport-packets.ts';
import { ACK, tcp } from '../filter/packets.ts';
import { say } from './traffic.ts';

const SEGMENTS = 46;
const OPTIONS = new Uint8Array(12).fill(1);
const HEADERS = 40 + 20 + OPTIONS.length;
const MTU = 1420;
const SUPERPACKET = HEADERS + SEGMENTS * (MTU - HEADERS);
const SMALL = 112;
const SOURCE = 64;
const PLACES = 70_000;
const STRIDE = 1520;
const WARM_MS = 500;
const MEASURED_MS = 1000;

if (isMainThread) new Worker(new URL(import.meta.url));
else measureAll();

function measureAll(): void {
  const memory = nativeSummedSlab(PLACES + SEGMENTS * STRIDE + 64);
  const { slab } = memory;
  const flow = { isIpv4: false, isTcp: true, options: OPTIONS };
  const fields = { sequence: 1, flags: 0x10, identification: 0 };
  slab.bytes.set(buildPacket(flow, fields, new Uint8Array(SUPERPACKET - HEADERS).fill(7)), SOURCE);
  const kind = SuperpacketKind.Tcp6;
  writeVirtioHeader(slab.bytes, SOURCE, NEEDS_CHECKSUM, kind, HEADERS, MTU - HEADERS, 40, 16);

  const segmenter = new Segmenter(memory);
  const crypto = opensslCrypto(NOBLE_CRYPTO) ?? NOBLE_CRYPTO;
  const cipher = crypto.sessionCipher(new Uint8Array(32).fill(1) as SymmetricKey);
  const merger = new Merger(memory, SEGMENTS);
  const taker: MergedWriter = { merges: () => true, write: () => {}, writePieces: () => true };

  say(`crypto: ${crypto.name}`);
  measure('cut a segment from a superpacket', SEGMENTS, cut);
  measure(`seal ${MTU} bytes`, SEGMENTS, () => sealAll(MTU));
  measure(`seal and open ${MTU} bytes`, SEGMENTS, () => sealAndOpenAll(MTU));
  measure(`seal ${SMALL} bytes`, SEGMENTS, () => sealAll(SMALL));
  measure(`seal and open ${SMALL} bytes`, SEGMENTS, () => sealAndOpenAll(SMALL));
  measure('judge a packet of another host', SEGMENTS, judging(2));
  measure('judge a packet of a run', SEGMENTS, judging(1));
  cut();
  const cutHeaders = slab.bytes.slice(PLACES, PLACES + HEADERS);
  measure('verify and merge a segment, with its copy', SEGMENTS, () => {
    // Merging writes the headers of the whole over those of the first segment.
    slab.bytes.set(cutHeaders, PLACES);
    for (let i = 0; i < SEGMENTS; i++) merger.add(0, PLACES + i * STRIDE, MTU);
    merger.flush(taker);
  });

  function cut(): void {
    segmenter.begin(SOURCE, SUPERPACKET);
    for (let i = 0; segmenter.next(PLACES + i * STRIDE) > 0; i++);
  }

  function sealAll(length: number): void {
    for (let i = 0; i < SEGMENTS; i++) cipher.seal(slab, PLACES + i * STRIDE, length, i, 0);
  }

  function sealAndOpenAll(length: number): void {
    sealAll(length);
    for (let i = 0; i < SEGMENTS; i++) cipher.open(slab, PLACES + i * STRIDE, length + 16, i, 0);
  }
}

/**
 * Packets of so many senders in turn, by a filter of one host, in a network whose ids are as large
 * as half of all are.
 */
function judging(senders: number): () => void {
  const [here, there] = [0x1_0001 as HostId, 0x1_0002 as HostId];
  const [network, instance] = [0xfa0a_0001 as NetworkId, 0xf111_0001 as InstanceId];
  const filter = new PacketFilter({
    hostId: here,
    region: 'local',
    server: false,
    extraHostAddresses: [],
    hosts: [here, there].map((id) => ({ id, region: 'local' })),
    networks: [{ id: network, regionScoped: false }],
    instances: [{ network, instance, tun: 1 }],
    wireguardPeers: [],
  });
  const to = instanceAddress(network, here, instance);
  const packets = Array.from({ length: senders }, (_, i) =>
    tcp(instanceAddress(network, there, (instance + i) as InstanceId), to, 80, ACK),
  );
  return () => {
    for (let i = 0; i < SEGMENTS; i++) {
      const packet = packets[i % senders]!;
      filter.judgeFromHost(there, packet, 0, packet.length, 0 as Millis);
    }
  };
}

function measure(stage: string, packets: number, action: () => void): void {
  runFor(WARM_MS, action);
  const allocated = allocatedBytes(action) / packets;
  const { runs, ms } = runFor(MEASURED_MS, action);
  const nanoseconds = (ms * 1e6) / (runs * packets);
  say(
    `${stage.padEnd(44)} ${nanoseconds.toFixed(0).padStart(6)} ns ` +
      `${allocated.toFixed(1).padStart(6)} bytes allocated`,
  );
}

function runFor(atLeastMs: number, action: () => void): { runs: number; ms: number } {
  const begun = performance.now();
  let runs = 0;
  while (performance.now() - begun < atLeastMs) {
    action();
    runs += 1;
  }
  return { runs, ms: performance.now() - begun };
}

/** The least of some looks: a collection may fall into one, and a look itself allocates. */
function allocatedBytes(action: () => void): number {
  const runs = 20;
  const looks = Array.from({ length: 10 }, () => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < runs; i++) action();
    return (process.memoryUsage().heapUsed - before) / runs;
  });
  return Math.min(...looks.filter((look) => look >= 0));
}
