// Which WireGuard peers this host believes in: those that the site's key has signed, less those
// that it has signed away. Else whoever can write to the registry's database could let himself, or
// a laptop that was removed, into any network. What was signed away once stays away, whatever the
// registry says later.

import type { NetworkId } from '../addressing/ids.ts';
import { PeerNumbers } from '../addressing/peer-numbers.ts';
import type { PeerRemovals, WireguardPeer } from '../registry/model.ts';
import { isGenuinePeer, isGenuinePeerRemovals } from '../registry/site-signature.ts';

/** Networks whose peers are remembered: a host follows no more at a time. */
export const PEER_NETWORKS_MAX = 4_096;

/** What is remembered of the peers of a network, with the site's word for it. */
export interface PeerMemory {
  readonly network: NetworkId;
  /** All that were ever removed; PeerNumbers as text. */
  readonly removed: string;
  /** What the site has signed of them; fewer where a registry from an older state was signed. */
  readonly removals?: PeerRemovals | undefined;
  /** The one with the highest number. */
  readonly last?: WireguardPeer | undefined;
}

export interface PeerClaims {
  readonly wireguardPeers: Iterable<WireguardPeer>;
  readonly peerRemovals: Iterable<PeerRemovals>;
}

export interface JudgedPeers {
  readonly believed: readonly WireguardPeer[];
  /** Not signed by the site. */
  readonly refused: readonly WireguardPeer[];
  readonly removed: readonly WireguardPeer[];
  readonly forgedRemovals: readonly PeerRemovals[];
}

interface SiteWord {
  readonly site: string | undefined;
  readonly siteKey: string;
}

export class PeerTrust {
  readonly #networksMax: number;
  /** What was believed once is not checked again: the site's key may change meanwhile. */
  #known: ReadonlySet<string> = new Set();
  readonly #memory = new Map<NetworkId, PeerMemory>();
  readonly #removed = new Map<NetworkId, PeerNumbers>();
  #isNews = false;

  constructor(memory: Iterable<PeerMemory> = [], networksMax: number = PEER_NETWORKS_MAX) {
    this.#networksMax = networksMax;
    for (const one of memory) this.#remember(one);
    this.#isNews = false;
  }

  /** Nobody is believed while the site is not known. */
  judge({ wireguardPeers, peerRemovals }: PeerClaims, { site, siteKey }: SiteWord): JudgedPeers {
    const forgedRemovals =
      site === undefined
        ? []
        : [...peerRemovals].filter((one) => !this.#takeRemovals(one, site, siteKey));
    const known = new Set<string>();
    const believed: WireguardPeer[] = [];
    const refused: WireguardPeer[] = [];
    const removed: WireguardPeer[] = [];
    for (const peer of wireguardPeers) {
      const text = describe(peer);
      const isGenuine =
        this.#known.has(text) || (site !== undefined && isGenuinePeer(site, siteKey, peer));
      if (isGenuine) known.add(text);
      if (!isGenuine) refused.push(peer);
      else if (this.#removed.get(peer.network)?.has(peer.number) === true) removed.push(peer);
      else {
        believed.push(peer);
        this.#noteLast(peer);
      }
    }
    this.#known = known;
    return { believed, refused, removed, forgedRemovals };
  }

  get memory(): readonly PeerMemory[] {
    return [...this.#memory.values()];
  }

  /** Whether there is more to remember than when this was asked last. */
  takeNews(): boolean {
    const isNews = this.#isNews;
    this.#isNews = false;
    return isNews;
  }

  /** Whether the site says so. */
  #takeRemovals(removals: PeerRemovals, site: string, siteKey: string): boolean {
    const before = this.#memory.get(removals.network);
    if (before?.removals?.signature === removals.signature) {
      if (before.removals.numbers === removals.numbers) return true;
    }
    const numbers = PeerNumbers.parse(removals.numbers);
    if (numbers === undefined || !isGenuinePeerRemovals(site, siteKey, removals)) return false;
    const gone = this.#removed.get(removals.network) ?? PeerNumbers.NONE;
    const proved = PeerNumbers.parse(before?.removals?.numbers ?? '') ?? PeerNumbers.NONE;
    // Of what is proved nothing is given up, until one record proves all of it.
    const isBetter = numbers.includes(proved);
    if (gone.includes(numbers) && !isBetter) return true;
    this.#remember({
      ...{ network: removals.network, removed: gone.union(numbers).toString() },
      removals: isBetter ? removals : before?.removals,
      last: before?.last,
    });
    return true;
  }

  #noteLast(peer: WireguardPeer): void {
    const before = this.#memory.get(peer.network);
    const { last } = before ?? {};
    if (last !== undefined && last.number > peer.number) return;
    if (last?.number === peer.number && last.signature === peer.signature) return;
    this.#remember({ removed: '', ...before, network: peer.network, last: peer });
  }

  #remember(memory: PeerMemory): void {
    const { network, removed } = memory;
    this.#isNews = true;
    this.#memory.delete(network);
    this.#memory.set(network, memory);
    this.#removed.set(network, PeerNumbers.parse(removed) ?? PeerNumbers.NONE);
    if (this.#memory.size <= this.#networksMax) return;
    // The one of which nothing was heard for the longest time.
    const [oldest] = this.#memory.keys();
    if (oldest === undefined) return;
    this.#memory.delete(oldest);
    this.#removed.delete(oldest);
  }
}

/** All that is signed. */
function describe({ network, name, host, number, publicKey }: WireguardPeer): string {
  return `${network} ${name} ${host} ${number} ${publicKey}`;
}
