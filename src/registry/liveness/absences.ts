// Notes the absence of hosts whose leases have ended: 15 s later, so that a short break takes no
// name away. Every server does it; whoever is first writes, and a look that finds nothing new
// writes nothing.

import type { HostId } from '../../addressing/ids.ts';
import { after, type Millis, type WallMillis } from '../../base/clock.ts';
import { decodeHostAbsence, encodeRecord } from '../codec.ts';
import {
  ABSENCES,
  absenceKey,
  HOST_LEASES,
  hostKey,
  hostLeaseKey,
  hostOfKey,
  SIGHTINGS,
} from '../keys.ts';
import type { HostAbsence } from '../model.ts';
import { change, type RegistryContext } from '../transaction.ts';

/** Between the end of a host's lease and the withdrawal of its names. */
export const HYSTERESIS_MS = 15_000;

interface Missed {
  readonly at: Millis;
  readonly wallAt: WallMillis;
}

export class Absences {
  readonly #context: RegistryContext;
  /** Hosts without a lease, since when. */
  readonly #missed = new Map<HostId, Missed>();

  constructor(context: RegistryContext) {
    this.#context = context;
  }

  async list(): Promise<readonly HostAbsence[]> {
    return (await this.#context.store.list([ABSENCES])).entries.map(decodeHostAbsence);
  }

  /** Looks once; resolves with the hosts whose absence it has noted. */
  async look(): Promise<readonly HostId[]> {
    const { store, clock } = this.#context;
    const { entries } = await store.list([SIGHTINGS, HOST_LEASES, ABSENCES]);
    const hosts = (prefix: string): Set<HostId | undefined> =>
      new Set(entries.filter(({ key }) => key.startsWith(prefix)).map(({ key }) => hostOfKey(key)));
    const leased = hosts(HOST_LEASES);
    const absent = hosts(ABSENCES);
    const noted: HostId[] = [];
    const missing = new Set<HostId>();
    for (const host of hosts(SIGHTINGS)) {
      if (host === undefined || leased.has(host) || absent.has(host)) continue;
      missing.add(host);
      const missed = this.#missed.get(host) ?? { at: clock.now(), wallAt: clock.wallNow() };
      this.#missed.set(host, missed);
      if (clock.now() < after(missed.at, HYSTERESIS_MS)) continue;
      if (await this.#note(host, missed.wallAt)) noted.push(host);
    }
    for (const host of this.#missed.keys()) if (!missing.has(host)) this.#missed.delete(host);
    return noted;
  }

  #note(host: HostId, since: WallMillis): Promise<boolean> {
    return change(this.#context, 'note that a host is absent', async (transaction) => {
      for (const key of [hostLeaseKey(host), absenceKey(host)]) {
        if ((await transaction.get(key)) !== undefined) return false;
      }
      if ((await transaction.get(hostKey(host))) === undefined) return false;
      const absence: HostAbsence = { kind: 'host-absence', host, since };
      transaction.put(absenceKey(host), encodeRecord(absence));
      return true;
    });
  }
}
