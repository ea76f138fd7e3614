// A stand-alone interface over a TUN and UDP in memory, told what wg(8) would tell it.

import type { Clock, WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { plainSlab } from '../../src/base/slab.ts';
import { HOST_TUN } from '../../src/dataplane/config.ts';
import {
  counterMemory,
  type DataplaneCounters,
  readCounters,
  viewCounters,
} from '../../src/dataplane/counters.ts';
import { moveInbound } from '../../src/dataplane/path/inbound.ts';
import { moveOutbound } from '../../src/dataplane/path/outbound.ts';
import type { InterfaceChange, PeerChange } from '../../src/dataplane/standalone/config.ts';
import { StandaloneEngine } from '../../src/dataplane/standalone/engine.ts';
import type { EndpointAddress } from '../../src/device/config.ts';
import { parsePrefix } from '../../src/ip/prefix.ts';
import { plainSummedSlab } from '../../src/ip/slab-sums.ts';
import { ALL_OFFLOADS } from '../../src/os/offloads.ts';
import type { PrivateKey, PublicKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { MemoryTun } from './memory-tun.ts';
import { MemoryUdp } from './memory-udp.ts';
import { SeededRandom } from './seeded-random.ts';

const NONE: InterfaceChange = { replacePeers: false, peers: [] };
export const PORT = 51_820;
export const TAKEN_PORT = 1;
export const PLACE_OF_OTHER: EndpointAddress = { address: '192.0.2.2', port: PORT };

export class StandaloneNode {
  now = 1_000;
  readonly engine: StandaloneEngine;
  /** Types of the messages that were sent. */
  readonly sent: number[] = [];
  onSend: (datagram: Uint8Array, endpoint: Uint8Array) => void = () => undefined;
  /** Datagrams on their way here. */
  readonly arriving: { readonly bytes: Uint8Array; readonly endpoint: Uint8Array }[] = [];
  openSockets = 0;
  udp: MemoryUdp | undefined;
  readonly #counters = counterMemory();

  /** `wall` is the wall clock at the beginning, `timestampNow` that of initiations. */
  constructor(wall = 1e12, timestampNow?: () => WallMillis) {
    const clock: Clock = {
      now: () => this.now as never,
      wallNow: () => (wall + this.now) as never,
    };
    this.engine = new StandaloneEngine(
      {
        crypto: NOBLE_CRYPTO,
        random: new SeededRandom(1),
        clock,
        workNow: clock.now,
        ...(timestampNow === undefined ? {} : { timestampNow }),
        allocateSlab: plainSlab,
        allocateSummedSlab: plainSummedSlab,
        openTun: (options) => new MemoryTun(options),
        openUdp: (options) => this.#openUdp(options),
        poller: { add: () => undefined, remove: () => undefined },
        counters: viewCounters(this.#counters),
        onRefused: () => undefined,
      },
      { name: 'wg-test', rekeyAfterMs: undefined, offloads: ALL_OFFLOADS },
    );
  }

  get tun(): MemoryTun {
    return this.engine.pipeline.tuns.get(HOST_TUN) as MemoryTun;
  }

  counters(): Record<string, number> {
    return readCounters(this.#counters);
  }

  parts(): DataplaneCounters {
    return viewCounters(this.#counters);
  }

  change(change: Partial<InterfaceChange>): void {
    this.engine.apply({ ...NONE, ...change });
  }

  setPeer(n: number, change: Partial<PeerChange>): void {
    const whole: PeerChange = {
      publicKey: keyOf(n),
      remove: false,
      updateOnly: false,
      replaceAllowedIps: false,
      allowedIps: [],
      ...change,
    };
    this.change({ peers: [whole] });
  }

  allowedIps(): (readonly string[])[] {
    return this.engine.state().peers.map((peer) => peer.allowedIps);
  }

  /** A program sends a packet; returns what it is answered. */
  send(bytes: Uint8Array): Uint8Array[] {
    const before = this.tun.delivered.length;
    this.tun.waiting.push(bytes);
    moveOutbound(this.engine.pipeline, HOST_TUN, this.now as never);
    return this.tun.delivered.slice(before);
  }

  receive(bytes: Uint8Array, endpoint: Uint8Array): void {
    this.udp?.waiting.push({ bytes, endpoint, trafficClass: 0 });
    moveInbound(this.engine.pipeline, 0, this.now as never);
  }

  runTimers(ms: number): void {
    const end = this.now + ms;
    for (; this.now < end; this.now += 100) this.engine.tick(this.now as never);
  }

  #openUdp(options: ConstructorParameters<typeof MemoryUdp>[0]): MemoryUdp {
    if (options.port === TAKEN_PORT) throw new P6nError('PORT_TAKEN', 'Cannot listen: taken');
    const port = options.port === 0 ? PORT : options.port;
    const udp = new MemoryUdp({ ...options, port }, ({ bytes, endpoint }) => {
      this.sent.push(bytes[0] ?? 0);
      this.onSend(bytes, endpoint);
    });
    this.udp = udp;
    this.openSockets += 1;
    const close = udp.close.bind(udp);
    udp.close = () => {
      this.openSockets -= 1;
      close();
    };
    return udp;
  }
}

/** Makes peers of the two; deliver() brings each what the other sent. */
export function join(one: StandaloneNode, other: StandaloneNode): void {
  for (const [from, to, n] of [
    [one, other, 1],
    [other, one, 2],
  ] as const) {
    from.change({ privateKey: secret(n) as PrivateKey, listenPort: PORT });
    from.setPeer(3 - n, {
      endpoint: PLACE_OF_OTHER,
      allowedIps: [{ prefix: parsePrefix('fd00::/8')!, remove: false }],
    });
    from.engine.up();
    from.onSend = (bytes, endpoint) => to.arriving.push({ bytes, endpoint });
  }
}

export function deliver(...interfaces: readonly StandaloneNode[]): void {
  for (;;) {
    const to = interfaces.find(({ arriving }) => arriving.length > 0);
    const datagram = to?.arriving.shift();
    if (to === undefined || datagram === undefined) return;
    to.receive(datagram.bytes, datagram.endpoint);
  }
}

export function keyOf(n: number): PublicKey {
  const clamped = secret(n);
  clamped[0]! &= 248;
  clamped[31] = (clamped[31]! & 127) | 64;
  return NOBLE_CRYPTO.publicKey(clamped as PrivateKey);
}

export function secret(n: number): Uint8Array {
  return new Uint8Array(32).fill(n);
}
