// Captures of the data plane's packets for the operator of this host: one at a time, bounded in
// memory, and nothing of it left when it ends.

import { setTimeout as delay } from 'node:timers/promises';
import { networkPrefix } from '../addressing/layout.ts';
import type { InstanceOperations } from '../agent/ports.ts';
import type { CaptureQuery } from '../api/contract/capture.ts';
import { SNAP_LENGTH_MAX } from '../api/contract/protocol.ts';
import type { CaptureService, RegistryService } from '../api/services.ts';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { fileStart, packetBlocks, statisticsBlock } from '../dataplane/capture/pcapng.ts';
import { RingReader, ringMemory } from '../dataplane/capture/ring.ts';
import type { CaptureSpec } from '../dataplane/capture/tap.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { FilterConfig } from '../filter/config.ts';
import { parsePrefix } from '../ip/prefix.ts';
import type { Principal } from '../registry/authority.ts';
import { fittingNetworks } from './network-choice.ts';
import { VERSION } from './version.ts';

const SNAP_LENGTH_MIN = 64;
/** The slot is no part of what an instance is. */
const INSTANCE_PREFIX_BITS = 112;
/** How long packets wait in the ring, milliseconds: at a million small ones a second it holds. */
const POLL_MS = 20;
const CHUNK_PACKETS_MAX = 1_024;
/** Between two reports of how many packets found no room, milliseconds. */
const STATISTICS_INTERVAL_MS = 1_000;

export interface CaptureDependencies {
  readonly dataplane: Pick<Dataplane, 'capture'>;
  readonly instances: Pick<InstanceOperations, 'show' | 'list'>;
  readonly registry: Pick<RegistryService, 'getNetwork'>;
  readonly filter: () => FilterConfig;
  readonly clock: Clock;
}

interface Captured {
  readonly ring: RingReader;
  readonly snapLength: number;
  readonly countMax: number;
}

export class LocalCaptureService implements CaptureService {
  readonly #dependencies: CaptureDependencies;
  #isCapturing = false;

  constructor(dependencies: CaptureDependencies) {
    this.#dependencies = dependencies;
  }

  async capture(
    principal: Principal,
    query: CaptureQuery,
  ): Promise<(signal: AbortSignal) => AsyncIterable<Uint8Array>> {
    const snapLength = Number(query.snap_length ?? SNAP_LENGTH_MAX);
    if (snapLength < SNAP_LENGTH_MIN || snapLength > SNAP_LENGTH_MAX) {
      const range = `${SNAP_LENGTH_MIN} to ${SNAP_LENGTH_MAX}`;
      throw new P6nError('VALUE_INVALID', `Cannot capture ${snapLength} bytes: not ${range}`);
    }
    const wanted = await this.#wanted(principal, query);
    if (this.#isCapturing) {
      throw new P6nError('LIMIT_REACHED', 'Cannot capture: somebody else on this host does');
    }
    this.#isCapturing = true;
    const memory = ringMemory();
    const captured = {
      ring: new RingReader(memory),
      snapLength,
      countMax: Number(query.count ?? Number.POSITIVE_INFINITY),
    };
    return (signal) => this.#run({ ...wanted, snapLength, memory }, captured, signal);
  }

  async *#run(
    spec: CaptureSpec,
    captured: Captured,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    try {
      await this.#dependencies.dataplane.capture(spec);
      yield* this.#blocks(captured, signal);
    } finally {
      this.#isCapturing = false;
      await this.#dependencies.dataplane.capture(undefined);
    }
  }

  async *#blocks(captured: Captured, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { ring, snapLength, countMax } = captured;
    const { clock } = this.#dependencies;
    yield fileStart(`p6nd ${VERSION}`, snapLength);
    let received = 0;
    let reportedAt = clock.now();
    let reported = 0;
    const report = (): Buffer => {
      reported = ring.dropped + received;
      reportedAt = clock.now();
      const counts = { received: reported, dropped: ring.dropped };
      return statisticsBlock(clock.wallNow(), counts);
    };
    while (!signal.aborted && received < countMax) {
      const blocks = takeBlocks(ring, Math.min(CHUNK_PACKETS_MAX, countMax - received));
      received += blocks.length;
      if (blocks.length > 0) yield Buffer.concat(blocks);
      else await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
      const isDue = clock.now() - reportedAt >= STATISTICS_INTERVAL_MS;
      if (isDue && ring.dropped + received !== reported) yield report();
    }
    yield report();
  }

  async #wanted(
    principal: Principal,
    { network, instance }: CaptureQuery,
  ): Promise<Pick<CaptureSpec, 'prefix' | 'tuns'>> {
    const { instances, filter } = this.#dependencies;
    if ((network === undefined) === (instance === undefined)) {
      throw new P6nError('VALUE_INVALID', 'Cannot capture: name either a network or an instance');
    }
    const here = filter().instances;
    if (instance !== undefined) {
      const { address, network: id, instanceId } = instances.show(instance).instance;
      const isIt = (one: (typeof here)[number]) =>
        one.network === id && one.instance === instanceId;
      const tuns = here.filter(isIt).map(({ tun }) => tun);
      return { prefix: prefixBytes(`${address}/${INSTANCE_PREFIX_BITS}`), tuns };
    }
    const id = await this.#networkId(principal, network ?? '');
    const tuns = here.filter((one) => one.network === id).map(({ tun }) => tun);
    return { prefix: prefixBytes(networkPrefix(id)), tuns };
  }

  /** By name or id, from what runs here if that says it: a server may be away. */
  async #networkId(principal: Principal, name: string): Promise<FilterConfig['networks'][0]['id']> {
    const { instances, registry } = this.#dependencies;
    const networks = new Map(
      instances.list().map(({ instance, networkName }) => [instance.network, networkName]),
    );
    const [known, ...others] = fittingNetworks(networks, name);
    if (others.length > 0) {
      const ids = [known, ...others].map((one) => one?.id).join(', ');
      throw new P6nError('VALUE_INVALID', `Cannot capture: networks ${ids} are named "${name}"`, {
        hint: 'Name the network by its id.',
      });
    }
    if (known !== undefined) return known.id;
    const { id } = await registry.getNetwork(principal, { name });
    return id as FilterConfig['networks'][0]['id'];
  }
}

function takeBlocks(ring: RingReader, countMax: number): Buffer[] {
  const blocks: Buffer[] = [];
  while (blocks.length < countMax) {
    const packet = ring.read();
    if (packet === undefined) break;
    blocks.push(packetBlocks(packet));
  }
  return blocks;
}

/** The whole bytes that packets are compared with. */
function prefixBytes(text: string): Uint8Array {
  const prefix = parsePrefix(text);
  assert(prefix !== undefined && prefix.bits % 8 === 0, `${text} is a prefix of whole bytes`);
  return prefix.bytes.subarray(0, prefix.bits / 8);
}
