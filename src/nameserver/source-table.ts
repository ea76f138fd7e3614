// Who asks: the network that a source address proves, and the share of the server that its owner
// has used. An instance may send from all 65,536 addresses of its /112, so shares go by owner.

import type { NetworkId } from '../addressing/ids.ts';
import { INFRASTRUCTURE_NETWORK } from '../addressing/ids.ts';
import { type AddressKind, classifyAddress, instanceAddress } from '../addressing/layout.ts';
import type { Millis } from '../base/clock.ts';
import type { AddressTarget } from '../dns/content.ts';
import { UDP_PAYLOAD_BYTES_MAX } from '../dns/protocol.ts';
import { canonicalIpv6 } from '../ip/ipv6-address.ts';

/** An instance, a host or a WireGuard peer that asks. */
export interface Source {
  readonly network: NetworkId;
  /** Its own address; undefined for the host where it asks by an address of the server. */
  readonly self: AddressTarget | undefined;
  /** Questions that it may ask at once. */
  tokens: number;
  refilledAt: Millis;
  /** Its TCP connections. */
  connections: number;
  /** Its questions that are being asked upstream. */
  forwards: number;
}

export interface SourceLimits {
  /** Owners (and addresses) remembered; the oldest give way. */
  readonly sourcesMax: number;
  readonly questionsPerSecond: number;
  readonly questionsAtOnce: number;
}

export class SourceTable {
  readonly #limits: SourceLimits;
  readonly #byAddress = new Map<string, Source>();
  readonly #byOwner = new Map<string, Source>();

  constructor(limits: SourceLimits) {
    this.#limits = limits;
  }

  /** The owner of `address`; undefined for an address that has no business here. */
  find(address: string, now: Millis): Source | undefined {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const kind = classifyAddress(address);
    const network = kind === undefined ? undefined : askingNetwork(kind);
    if (kind === undefined || network === undefined) return undefined;
    const source = this.#owner(ownerKey(kind), { network, self: ownTarget(kind, address) }, now);
    remember(this.#byAddress, address, source, this.#limits.sourcesMax);
    return source;
  }

  /**
   * Takes one question from the share of `source`; false when there is none left (token bucket).
   */
  takeQuestion(source: Source, now: Millis): boolean {
    const { questionsPerSecond, questionsAtOnce } = this.#limits;
    const refill = ((now - source.refilledAt) / 1000) * questionsPerSecond;
    source.tokens = Math.min(questionsAtOnce, source.tokens + refill);
    source.refilledAt = now;
    if (source.tokens < 1) return false;
    source.tokens -= 1;
    return true;
  }

  /** Takes from the share of `source` what an answer of `bytes` costs beyond one datagram. */
  chargeAnswer(source: Source, bytes: number): void {
    source.tokens -= Math.floor((bytes - 1) / UDP_PAYLOAD_BYTES_MAX);
  }

  #owner(key: string, owner: Pick<Source, 'network' | 'self'>, now: Millis): Source {
    const known = this.#byOwner.get(key);
    if (known !== undefined) return known;
    const tokens = this.#limits.questionsAtOnce;
    const source: Source = { ...owner, tokens, refilledAt: now, connections: 0, forwards: 0 };
    remember(this.#byOwner, key, source, this.#limits.sourcesMax);
    return source;
  }
}

function remember(
  table: Map<string, Source>,
  key: string,
  source: Source,
  lengthMax: number,
): void {
  if (table.size >= lengthMax) {
    for (const oldest of table.keys()) {
      table.delete(oldest);
      break;
    }
  }
  table.set(key, source);
}

/**
 * The network whose names an address may see. The host asks from its own address, its presence in a
 * network, or (the kernel's choice when it asks itself) a server address. An invite asks nothing.
 */
function askingNetwork(kind: AddressKind): NetworkId | undefined {
  switch (kind.kind) {
    case 'service':
      return undefined;
    case 'wireguard-peer':
      return kind.network === INFRASTRUCTURE_NETWORK ? undefined : kind.network;
    case 'instance':
    case 'host':
    case 'nameserver':
      return kind.network;
  }
}

/** An instance may ask from any address of its /112, and one of them is its own. */
function ownTarget(kind: AddressKind, address: string): AddressTarget | undefined {
  switch (kind.kind) {
    case 'instance':
      return { address: instanceAddress(kind.network, kind.host, kind.instance) };
    case 'host':
    case 'wireguard-peer': {
      const own = canonicalIpv6(address);
      return own === undefined ? undefined : { address: own };
    }
    case 'nameserver':
    case 'service':
      return undefined;
  }
}

function ownerKey(kind: AddressKind): string {
  switch (kind.kind) {
    case 'instance':
      return `${kind.network}/${kind.host}/${kind.instance}`;
    case 'wireguard-peer':
      return `${kind.network}/${kind.host}/peer/${kind.peer}`;
    case 'host':
      return `${kind.network}/${kind.host}/host`;
    case 'nameserver':
    case 'service':
      return `${kind.network}/${kind.kind}`;
  }
}
