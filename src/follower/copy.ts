// This host's copy of the registry: built from what a server tells, step by step, and read as
// snapshots that never change. A transaction of the registry is seen as a whole or not at all.

import type { NetworkId } from '../addressing/ids.ts';
import type {
  App,
  Closure,
  FollowEvent,
  FollowedRecord,
  FollowPosition,
  Gateway,
  Host,
  HostAbsence,
  HostRemoval,
  Instance,
  Network,
  PeerRemovals,
  Revision,
  SiteKey,
  TokenRevocation,
  WireguardPeer,
} from '../registry/model.ts';

/** More than this a host does not keep, whatever a server says. */
export const COPY_RECORDS_MAX = 1_048_576;

/** What this host knew at one moment. Parts that did not change are the same arrays as before. */
export interface Copy {
  /** Undefined while nothing is known. */
  readonly revision: Revision | undefined;
  /** One at the most: the registry takes no writes. */
  readonly closures: readonly Closure[];
  readonly siteKeys: readonly SiteKey[];
  readonly hosts: readonly Host[];
  readonly removals: readonly HostRemoval[];
  readonly absences: readonly HostAbsence[];
  readonly revocations: readonly TokenRevocation[];
  readonly gateways: readonly Gateway[];
  readonly networks: readonly Network[];
  readonly apps: readonly App[];
  readonly instances: readonly Instance[];
  readonly wireguardPeers: readonly WireguardPeer[];
  readonly peerRemovals: readonly PeerRemovals[];
}

/** A copy as it is kept: with the keys of its records and the networks that it is whole for. */
export interface StoredCopy {
  readonly revision: Revision;
  readonly interest: readonly NetworkId[];
  readonly records: readonly (readonly [key: string, record: FollowedRecord])[];
}

type Kind = FollowedRecord['kind'];
type Records = Map<string, FollowedRecord>;

export class WorkingCopy {
  readonly #recordsMax: number;
  #records: Records = new Map();
  #revision: Revision | undefined;
  #interest: ReadonlySet<NetworkId> = new Set();
  /** What was said since the last "synced", and whether it began with a reset. */
  #said: FollowEvent[] = [];
  /** The networks that the stream was asked for. */
  #asked: ReadonlySet<NetworkId> = new Set();
  readonly #changed = new Set<Kind>();
  #snapshot: Copy = {
    ...{ revision: undefined, closures: [], siteKeys: [], hosts: [], removals: [], absences: [] },
    ...{ revocations: [], gateways: [], networks: [], apps: [], instances: [] },
    ...{ wireguardPeers: [], peerRemovals: [] },
  };

  constructor(recordsMax: number = COPY_RECORDS_MAX) {
    this.#recordsMax = recordsMax;
  }

  /**
   * Gets ready for a stream about `networks`; returns where it may start, or undefined while
   * nothing is known. What is of other networks alone is forgotten.
   */
  begin(networks: ReadonlySet<NetworkId>): FollowPosition | undefined {
    this.#said = [];
    this.#asked = networks;
    const interest = new Set([...networks].filter((network) => this.#interest.has(network)));
    this.#interest = interest;
    for (const [key, record] of this.#records) {
      if (isOf(record, interest)) continue;
      this.#records.delete(key);
      this.#changed.add(record.kind);
    }
    const lacks = [...networks].filter((network) => !interest.has(network));
    if (this.#revision === undefined || lacks.length === 0) return this.#revision;
    return { ...this.#revision, lacks };
  }

  /**
   * Takes one step; returns whether the copy is up to date with it. Throws a RangeError when a
   * server says more than a host keeps.
   */
  take(event: FollowEvent): boolean {
    if (event.type !== 'synced') {
      if (event.type === 'reset') this.#said = [];
      this.#said.push(event);
      const kept = this.#said[0]?.type === 'reset' ? 0 : this.#records.size;
      if (kept + this.#said.length <= this.#recordsMax) return false;
      throw new RangeError(`the server says more than ${this.#recordsMax} records`);
    }
    const said = this.#said;
    this.#said = [];
    this.#interest = this.#asked;
    for (const one of said) this.#apply(one);
    this.#revision = event.revision;
    return true;
  }

  /** Whether a snapshot would show anything else than the last one. */
  get isChanged(): boolean {
    return this.#changed.size > 0;
  }

  snapshot(): Copy {
    const { revision } = this.#snapshot;
    const isSame =
      revision?.number === this.#revision?.number &&
      revision?.incarnation === this.#revision?.incarnation;
    if (isSame && !this.isChanged) return this.#snapshot;
    const last = this.#snapshot;
    this.#snapshot = {
      revision: this.#revision,
      closures: this.#kept<Closure>('closure', last.closures),
      siteKeys: this.#kept<SiteKey>('site-key', last.siteKeys),
      hosts: this.#kept<Host>('host', last.hosts),
      removals: this.#kept<HostRemoval>('host-removal', last.removals),
      absences: this.#kept<HostAbsence>('host-absence', last.absences),
      revocations: this.#kept<TokenRevocation>('token-revocation', last.revocations),
      gateways: this.#kept<Gateway>('gateway', last.gateways),
      networks: this.#kept<Network>('network', last.networks),
      apps: this.#kept<App>('app', last.apps),
      instances: this.#kept<Instance>('instance', last.instances),
      wireguardPeers: this.#kept<WireguardPeer>('wireguard-peer', last.wireguardPeers),
      peerRemovals: this.#kept<PeerRemovals>('peer-removals', last.peerRemovals),
    };
    this.#changed.clear();
    return this.#snapshot;
  }

  /** What to keep; undefined while nothing is known. */
  store(): StoredCopy | undefined {
    if (this.#revision === undefined) return undefined;
    return {
      revision: this.#revision,
      interest: [...this.#interest],
      records: [...this.#records],
    };
  }

  /** Goes on from what was kept. */
  restore({ revision, interest, records }: StoredCopy): void {
    this.#revision = revision;
    this.#interest = new Set(interest);
    this.#records = new Map(records);
    for (const { kind } of this.#records.values()) this.#changed.add(kind);
  }

  #apply(event: FollowEvent): void {
    if (event.type === 'reset') {
      for (const { kind } of this.#records.values()) this.#changed.add(kind);
      this.#records = new Map();
    } else if (event.type === 'put') {
      this.#changed.add(event.record.kind);
      this.#records.set(event.key, event.record);
    } else if (event.type === 'remove') {
      const record = this.#records.get(event.key);
      if (record !== undefined) this.#changed.add(record.kind);
      this.#records.delete(event.key);
    }
  }

  /** The records of a kind: the same array as before where nothing of them has changed. */
  #kept<R extends FollowedRecord>(kind: R['kind'], last: readonly R[]): readonly R[] {
    if (!this.#changed.has(kind)) return last;
    return [...this.#records.values()].filter((record): record is R => record.kind === kind);
  }
}

function isOf(record: FollowedRecord, networks: ReadonlySet<NetworkId>): boolean {
  switch (record.kind) {
    case 'closure':
    case 'site-key':
    case 'host':
    case 'host-removal':
    case 'host-absence':
    case 'token-revocation':
    case 'gateway':
      return true;
    case 'network':
      return networks.has(record.id);
    case 'app':
    case 'instance':
    case 'wireguard-peer':
    case 'peer-removals':
      return networks.has(record.network);
  }
}
