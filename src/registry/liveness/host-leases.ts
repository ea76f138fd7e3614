// The leases of hosts at one server: a host that is heard of again and again keeps its lease, by
// the clock of the store. A lease that is renewed costs no revision; one that ends takes its key
// along, and the absence of the host is noted a while later.

import type { HostId } from '../../addressing/ids.ts';
import type { WallMillis } from '../../base/clock.ts';
import { decodeHostLease, encodeRecord } from '../codec.ts';
import { requireHost } from '../hosts.ts';
import { absenceKey, HOST_LEASES, hostLeaseKey, sightingKey } from '../keys.ts';
import type { HostLease } from '../model.ts';
import { change, type RegistryContext } from '../transaction.ts';

/** How long a host is taken for alive that is not heard of: three of its tries, and some. */
export const HOST_LEASE_MS = 10_000;
/** Of a host whose lease has ended at another server meanwhile, nothing is remembered beyond. */
const HELD_MAX = 16_384;

export class HostLeases {
  readonly #context: RegistryContext;
  /** The leases that this server has made. */
  readonly #held = new Map<HostId, string>();
  /** The last renewal of a host that is under way: two at once would leave a lease without key. */
  readonly #turns = new Map<HostId, Promise<unknown>>();
  readonly #seen = new Map<HostId, WallMillis>();

  constructor(context: RegistryContext) {
    this.#context = context;
  }

  /** When this server last heard of a host. */
  lastSeen(host: HostId): WallMillis | undefined {
    return this.#seen.get(host);
  }

  /**
   * `server` hears of a host, which is ready for the next keys that it acknowledges. Rejects with
   * NOT_FOUND when the host is none (any more).
   */
  async renew(host: HostId, server: HostId, acknowledged: readonly string[]): Promise<void> {
    const value = encodeRecord({ kind: 'host-lease', host, server, acknowledged });
    const before = this.#turns.get(host) ?? Promise.resolve();
    const turn = before.then(() => this.#renew(host, value));
    const settled = turn.catch(() => undefined);
    this.#turns.set(host, settled);
    try {
      await turn;
    } finally {
      if (this.#turns.get(host) === settled) this.#turns.delete(host);
    }
    this.#seen.set(host, this.#context.clock.wallNow());
  }

  /** Those of all servers. */
  async list(): Promise<readonly HostLease[]> {
    return (await this.#context.store.list([HOST_LEASES])).entries.map(decodeHostLease);
  }

  /**
   * What stands in the store decides, not what this server has put there: the host may have been at
   * another server since, or the registry have been restored.
   */
  async #renew(host: HostId, value: string): Promise<void> {
    const { store } = this.#context;
    const held = this.#held.get(host);
    const isAlive = held !== undefined && (await store.renewLease(held));
    if (isAlive && (await store.glance(hostLeaseKey(host)))?.value === value) return;
    const lease = isAlive ? held : await store.grantLease(HOST_LEASE_MS);
    await this.#put(host, value, lease);
    if (this.#held.size >= HELD_MAX) this.#held.clear();
    this.#held.set(host, lease);
  }

  async #put(host: HostId, value: string, lease: string): Promise<void> {
    await change(this.#context, 'note that a host is there', async (transaction) => {
      await requireHost(transaction, host);
      transaction.put(hostLeaseKey(host), value, lease);
      const sighting = sightingKey(host);
      if ((await transaction.get(sighting)) === undefined) transaction.put(sighting, '1');
      const absence = absenceKey(host);
      if ((await transaction.get(absence)) !== undefined) transaction.delete(absence);
    });
  }
}
