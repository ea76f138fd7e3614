// A site with its registry in memory, its first server, and short ways to what tests need.

import type { HostId, InstanceId, MachineId, NetworkId } from '../../src/addressing/ids.ts';
import { instanceAddress } from '../../src/addressing/layout.ts';
import { toBase64 } from '../../src/base/bytes.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Random } from '../../src/base/random.ts';
import { deriveEnrolmentKey, type Enrolment } from '../../src/registry/enrolment.ts';
import { MemoryStore } from '../../src/registry/memory/memory-store.ts';
import type { App, Host, Instance, Invite } from '../../src/registry/model.ts';
import { Registry } from '../../src/registry/registry.ts';
import { generateSiteKeyPair } from '../../src/registry/site.ts';
import { SiteSigner } from '../../src/registry/site-signer.ts';
import type { Store } from '../../src/registry/store.ts';
import { ManualClock } from './manual-clock.ts';
import { SeededRandom } from './seeded-random.ts';

export const ENROLMENT_KEY: Uint8Array = deriveEnrolmentKey(new Uint8Array(32).fill(9));

export class Site {
  readonly clock: ManualClock = new ManualClock();
  readonly random: Random;
  readonly store: Store;
  readonly signer: SiteSigner = makeSigner(3);
  readonly registry: Registry;
  #keys: number;

  constructor(
    options: {
      readonly store?: Store;
      readonly random?: Random;
      readonly revisionsKept?: number;
      /** Keys that were given out for the same registry before. */
      readonly keysBefore?: number;
    } = {},
  ) {
    this.#keys = options.keysBefore ?? 0;
    this.random = options.random ?? new SeededRandom(1);
    this.store =
      options.store ??
      new MemoryStore(
        { clock: this.clock, random: new SeededRandom(2) },
        { revisionsKept: options.revisionsKept ?? 10_000 },
      );
    this.registry = this.secondServer();
  }

  /** Another server's registry on the same store. */
  secondServer(): Registry {
    const { store, clock, random, signer } = this;
    return new Registry({ store, clock, random, signer, logger: SILENT_LOGGER });
  }

  /** A public key that was not used before. */
  freshKey(): string {
    this.#keys += 1;
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, this.#keys);
    return toBase64(bytes);
  }

  /** Starts the site; resolves with its first server. */
  async start(): Promise<Host> {
    const { host } = await this.registry.bootstrap({
      host: {
        name: 'one',
        region: 'local',
        publicKey: this.freshKey(),
        endpoints: ['192.0.2.1:51820'],
      },
    });
    return host;
  }

  async invite(server: HostId, role: 'server' | 'agent' = 'agent'): Promise<Invite> {
    return await this.registry.createInvite({ server, publicKey: this.freshKey(), role });
  }

  /** Enrols a host of that name by a fresh invite. */
  async join(server: HostId, name: string, role: 'server' | 'agent' = 'agent'): Promise<Enrolment> {
    const { number } = await this.invite(server, role);
    return await this.registry.enrol(
      { invite: { server, number }, publicKey: this.freshKey(), name, endpoints: [] },
      ENROLMENT_KEY,
    );
  }

  /** A sound record of an instance; `number` makes its ids and its name. */
  instance(app: App, host: HostId, number: number, change: Partial<Instance> = {}): Instance {
    const instanceId = (0x10_000 + number) as InstanceId;
    const now = this.clock.wallNow() as WallMillis;
    return {
      kind: 'instance',
      machineId: machineId(number, host),
      app: app.name,
      network: app.network,
      host,
      instanceId,
      address: instanceAddress(app.network, host, instanceId),
      name: `i${number}`,
      group: 'app',
      region: 'local',
      metadata: {},
      state: 'created',
      createdAt: now,
      updatedAt: now,
      ...change,
    };
  }
}

/** A signer with a key of its own. */
export function makeSigner(seed: number): SiteSigner {
  const signer = new SiteSigner();
  signer.setKey(generateSiteKeyPair(new SeededRandom(seed)).secretKey);
  return signer;
}

export function machineId(number: number, host: number): MachineId {
  const digits = [host.toString(16).padStart(6, '0'), number.toString(16).padStart(8, '0')];
  return digits.join('') as MachineId;
}

export function networksOf(...apps: readonly App[]): ReadonlySet<NetworkId> {
  return new Set(apps.map((app) => app.network));
}
