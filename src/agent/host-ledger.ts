// The hosts that this host believes in, beside the copy of the registry: kept on disk, so that no
// restart makes this host forget what it has refused. It stands between the copy and all that makes
// peers of hosts.

import type { HostId, NetworkId } from '../addressing/ids.ts';
import type { Logger } from '../base/logger.ts';
import { readFileIfExists, writeFileAtomic } from '../os/atomic-file.ts';
import type {
  Closure,
  Host,
  HostRemoval,
  PeerRemovals,
  SiteKey,
  WireguardPeer,
} from '../registry/model.ts';
import {
  judge,
  REFUSAL_REASONS,
  type Refusal,
  type RefusalReason,
  type Trust,
} from './host-trust.ts';
import { type PeerMemory, PeerTrust } from './peer-trust.ts';
import type { CopySource, CopyView, Timers } from './ports.ts';

/** Between two writes: what changes meanwhile is written together, milliseconds. */
const WRITE_PAUSE_MS = 1_000;
const WRITE_RETRY_MS = 30_000;
/** Refusals that are remembered, so that each is logged and counted once. */
const REMEMBERED_MAX = 65_536;
const VERSION = 1;

/** A copy with what it takes to believe it. */
export interface SignedCopy extends CopyView {
  readonly hosts: readonly Host[];
  readonly closures: readonly Closure[];
  readonly siteKeys: readonly SiteKey[];
  readonly removals: readonly HostRemoval[];
  readonly wireguardPeers: readonly WireguardPeer[];
  readonly peerRemovals: readonly PeerRemovals[];
}

export interface HostLedgerDependencies {
  readonly copy: {
    current(): SignedCopy;
    setNetworks(networks: ReadonlySet<NetworkId>): void;
  };
  readonly timers: Timers;
  readonly logger: Logger;
}

export interface HostLedgerOptions {
  /** Where the ledger is kept. */
  readonly path: string;
  /** The site's key as this host knows it from its invite, base64. */
  readonly siteKey: string;
}

/** What the ledger is, from one start to the next. */
interface Kept {
  readonly trust: Trust;
  readonly peers: readonly PeerMemory[];
}

/** Whom a refused record is about. */
interface RefusedOf {
  readonly host?: HostId;
  readonly network?: NetworkId;
}

/** The copy as far as it is believed. */
export type BelievedCopy = CopyView & Pick<SignedCopy, 'hosts' | 'wireguardPeers'>;

export class HostLedger implements CopySource {
  readonly #dependencies: HostLedgerDependencies;
  readonly #path: string;
  #trust: Trust;
  /** The copy that #believed was made of. */
  #seen: SignedCopy | undefined;
  #believed: BelievedCopy;
  readonly #peerTrust: PeerTrust;
  #peers: readonly WireguardPeer[] = [];
  readonly #refused = new Set<string>();
  readonly #counters: Record<RefusalReason, number>;
  /** Ends the pause after a write; undefined where there is none. */
  #endPause: (() => void) | undefined;
  /** Whether something has changed during the pause. */
  #isDue = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(dependencies: HostLedgerDependencies, path: string, kept: Kept) {
    const { trust, peers } = kept;
    this.#dependencies = dependencies;
    this.#path = path;
    this.#trust = trust;
    this.#peerTrust = new PeerTrust(peers);
    const hosts = [...trust.hosts.values()];
    this.#believed = { hosts, networks: [], apps: [], instances: [], wireguardPeers: [] };
    const zeros = REFUSAL_REASONS.map((reason) => [reason, 0]);
    this.#counters = Object.fromEntries(zeros) as Record<RefusalReason, number>;
  }

  /** Goes on from what was kept; a ledger that is damaged begins anew. */
  static async open(
    dependencies: HostLedgerDependencies,
    { path, siteKey }: HostLedgerOptions,
  ): Promise<HostLedger> {
    const nobody: Trust = { siteKey, site: undefined, hosts: new Map(), removed: new Set() };
    const fresh: Kept = { trust: nobody, peers: [] };
    try {
      const text = await readFileIfExists(path);
      const kept = text === undefined ? undefined : parse(text);
      return new HostLedger(dependencies, path, kept ?? fresh);
    } catch (error) {
      dependencies.logger.warn('ledger of hosts is damaged', { error: String(error) });
      return new HostLedger(dependencies, path, fresh);
    }
  }

  /** The copy with the hosts and WireGuard peers that are believed in, and no others. */
  current(): BelievedCopy {
    const copy = this.#dependencies.copy.current();
    if (copy === this.#seen) return this.#believed;
    const before = this.#seen;
    this.#seen = copy;
    const isSame =
      copy.hosts === before?.hosts &&
      copy.closures === before.closures &&
      copy.siteKeys === before.siteKeys &&
      copy.removals === before.removals;
    if (!isSame && copy.revision !== undefined) this.#judge(copy);
    const isRestored = copy.closures.some(({ reason }) => reason === 'restored');
    const isSameOfPeers =
      isSame &&
      copy.wireguardPeers === before.wireguardPeers &&
      copy.peerRemovals === before.peerRemovals;
    if (!isSameOfPeers) this.#judgePeers(copy);
    const hosts = isSame ? this.#believed.hosts : this.#hosts(isRestored);
    this.#believed = { ...copy, hosts, wireguardPeers: this.#peers };
    return this.#believed;
  }

  setNetworks(networks: ReadonlySet<NetworkId>): void {
    this.#dependencies.copy.setNetworks(networks);
  }

  /** The highest id of a host that this host has ever believed in. */
  get highestHost(): HostId | undefined {
    const { hosts, removed } = this.#trust;
    const ids = [...hosts.keys(), ...removed].sort((a, b) => a - b);
    return ids.at(-1);
  }

  /** Hosts that were removed, for good. */
  get removed(): ReadonlySet<HostId> {
    return this.#trust.removed;
  }

  /** What the site has said of WireGuard peers, of all networks that this host ever followed. */
  get peers(): readonly PeerMemory[] {
    return this.#peerTrust.memory;
  }

  /** The site's key that signs now, as far as this host knows, base64. */
  get siteKey(): string {
    return this.#trust.siteKey;
  }

  /** How much was refused since the start, by reason. */
  counters(): Readonly<Record<RefusalReason, number>> {
    return this.#counters;
  }

  /** Resolves when what is believed is on disk, as far as the disk takes it. */
  async stop(): Promise<void> {
    this.#endPause?.();
    if (this.#isDue) this.#write();
    // A write that fails would be tried again.
    await this.#writing;
    this.#endPause?.();
  }

  /** A registry from an older state, which nobody has accepted yet, drains no host. */
  #hosts(isRestored: boolean): readonly Host[] {
    const hosts = [...this.#trust.hosts.values()];
    return isRestored ? hosts.map(({ drainedAt: _, ...host }) => host) : hosts;
  }

  #judge(copy: SignedCopy): void {
    const before = this.#trust;
    const { trust, refusals } = judge(before, copy);
    this.#trust = trust;
    if (trust.siteKey !== before.siteKey) {
      this.#dependencies.logger.info('site key changed', { siteKey: trust.siteKey });
    }
    this.#note(refusals, copy);
    if (trust !== before) this.#keep();
  }

  #judgePeers(copy: SignedCopy): void {
    const judged = this.#peerTrust.judge(copy, this.#trust);
    this.#peers = judged.believed;
    const note = (reason: RefusalReason, peer: WireguardPeer): void => {
      const { host, name, network, signature } = peer;
      this.#noteOnce(`${reason} ${network} ${name} ${signature}`, reason, { host, network });
    };
    for (const peer of judged.refused) note('peer-signature', peer);
    for (const peer of judged.removed) note('removed-peer', peer);
    for (const { network, signature } of judged.forgedRemovals) {
      const reason = 'peer-removal-signature';
      this.#noteOnce(`${reason} ${network} ${signature}`, reason, { network });
    }
    if (this.#peerTrust.takeNews()) this.#keep();
  }

  /** Each once: the registry says the same thing with every change of anything else. */
  #note(refusals: readonly Refusal[], copy: SignedCopy): void {
    for (const { host, reason } of refusals) {
      const record = copy.hosts.find(({ id }) => id === host);
      const name = `${host} ${reason} ${record?.publicKey} ${record?.signature}`;
      this.#noteOnce(name, reason, { host });
    }
  }

  #noteOnce(name: string, reason: RefusalReason, of: RefusedOf): void {
    if (this.#refused.has(name)) return;
    if (this.#refused.size >= REMEMBERED_MAX) this.#refused.clear();
    this.#refused.add(name);
    this.#counters[reason] += 1;
    const { host, network } = of;
    this.#dependencies.logger.warn('record is refused', { reason, host, network });
  }

  /** At once, so that a crash forgets no removal; after a pause where much changes. */
  #keep(): void {
    this.#isDue = true;
    if (this.#endPause === undefined) this.#write();
  }

  #write(): void {
    const { logger } = this.#dependencies;
    this.#isDue = false;
    this.#pause(WRITE_PAUSE_MS);
    this.#writing = this.#writing
      .then(() => writeFileAtomic(this.#path, format(this.#trust, this.#peerTrust.memory)))
      .catch((error: unknown) => {
        logger.warn('ledger of hosts is not kept', { error: String(error) });
        this.#isDue = true;
        this.#pause(WRITE_RETRY_MS);
      });
  }

  #pause(ms: number): void {
    this.#endPause?.();
    const cancel = this.#dependencies.timers.after(ms, () => {
      this.#endPause = undefined;
      if (this.#isDue) this.#write();
    });
    this.#endPause = () => {
      this.#endPause = undefined;
      cancel();
    };
  }
}

function format({ siteKey, site, hosts, removed }: Trust, peers: readonly PeerMemory[]): string {
  const kept = {
    version: VERSION,
    siteKey,
    site,
    hosts: [...hosts.values()],
    removed: [...removed],
    peers,
  };
  return `${JSON.stringify(kept)}\n`;
}

/** Throws when `text` is not whole; undefined for what another version wrote. */
function parse(text: string): Kept | undefined {
  const kept = JSON.parse(text) as {
    readonly version: number;
    readonly siteKey: string;
    readonly site?: string;
    readonly hosts: readonly Host[];
    readonly removed: readonly HostId[];
    readonly peers?: readonly PeerMemory[];
  };
  if (kept.version !== VERSION) return undefined;
  const { siteKey, site, hosts, removed, peers = [] } = kept;
  if (typeof siteKey !== 'string') throw new Error('it names no key of the site');
  const trust = {
    ...{ siteKey, site, removed: new Set(removed) },
    hosts: new Map(hosts.map((host) => [host.id, host])),
  };
  return { trust, peers };
}
