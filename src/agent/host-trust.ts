// Which hosts this host believes in: those that the site's key has signed, as the registry says
// them, less those that it has signed away. Pure: what was believed and what the registry says now
// make what is believed next, and the reasons for all that was refused.
//
//   - the site's key may be another one only by the word of the one before;
//   - a host is never believed with an older key than before, nor once it was removed;
//   - a record that is gone without a signed removal, or is not sound any more, changes nothing.

import type { HostId } from '../addressing/ids.ts';
import type { Host, HostRemoval, SiteKey } from '../registry/model.ts';
import {
  isGenuineHost,
  isGenuineNextKey,
  isGenuineRemoval,
  isGenuineSiteKey,
  isSuccessor,
} from '../registry/site-signature.ts';

/** What is believed. */
export interface Trust {
  /** The site's key as of the last link of its chain that was seen, base64. */
  readonly siteKey: string;
  /** Unknown until the record of that key was seen, which names the site. */
  readonly site: string | undefined;
  readonly hosts: ReadonlyMap<HostId, Host>;
  /** Hosts that were removed, for good. */
  readonly removed: ReadonlySet<HostId>;
}

/** What the registry says. */
export interface Claims {
  readonly siteKeys: Iterable<SiteKey>;
  readonly hosts: Iterable<Host>;
  readonly removals: Iterable<HostRemoval>;
}

/** Why something that the registry says is not believed. */
export const REFUSAL_REASONS = [
  /** The site's key has not signed the host. */
  'host-signature',
  /** The site's key has not signed the key that the host changes to. */
  'next-key-signature',
  /** The host had a newer key before. */
  'older-key',
  /** The host was removed. */
  'removed-host',
  /** The site's key has not signed the removal. */
  'removal-signature',
  /** The host's record is gone, and nobody has signed its removal. */
  'missing-removal',
  /** The site's key has not signed the WireGuard peer, whose gateway the host is. */
  'peer-signature',
  /** The site's key has not signed the removals of WireGuard peers. */
  'peer-removal-signature',
  /** The WireGuard peer, whose gateway the host is, was removed. */
  'removed-peer',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface Refusal {
  readonly host: HostId;
  readonly reason: RefusalReason;
}

export interface Judgement {
  readonly trust: Trust;
  readonly refusals: readonly Refusal[];
}

export function judge(before: Trust, claims: Claims): Judgement {
  const { siteKey, site } = followChain(before, [...claims.siteKeys]);
  if (site === undefined) return { trust: before, refusals: [] };
  const judge = new Judge({ ...before, siteKey, site });
  for (const removal of claims.removals) judge.takeRemoval(removal);
  const claimed = new Set<HostId>();
  for (const host of claims.hosts) {
    claimed.add(host.id);
    judge.takeHost(host);
  }
  judge.refuseMissing(claimed);
  return judge.judgement();
}

/** The last key that the chain leads to from the one that is believed. */
export function followChain(
  { siteKey, site }: Pick<Trust, 'siteKey' | 'site'>,
  keys: readonly SiteKey[],
): Pick<Trust, 'siteKey' | 'site'> {
  let last = keys.find((key) => key.publicKey === siteKey && isGenuineSiteKey(key));
  if (last === undefined || (site !== undefined && last.site !== site)) return { siteKey, site };
  for (;;) {
    const current: SiteKey = last;
    const next = keys.find((key) => isSuccessor(current, key));
    if (next === undefined) return { siteKey: current.publicKey, site: current.site };
    last = next;
  }
}

class Judge {
  readonly #siteKey: string;
  readonly #site: string;
  readonly #hosts: Map<HostId, Host>;
  readonly #removed: Set<HostId>;
  readonly #refusals: Refusal[] = [];

  constructor(trust: Trust & { readonly site: string }) {
    this.#siteKey = trust.siteKey;
    this.#site = trust.site;
    this.#hosts = new Map(trust.hosts);
    this.#removed = new Set(trust.removed);
  }

  takeRemoval(removal: HostRemoval): void {
    const { host } = removal;
    if (this.#removed.has(host)) return;
    if (!isGenuineRemoval(this.#site, this.#siteKey, removal)) {
      this.#refuse(host, 'removal-signature');
      return;
    }
    this.#removed.add(host);
    this.#hosts.delete(host);
  }

  takeHost(host: Host): void {
    const known = this.#hosts.get(host.id);
    if (this.#removed.has(host.id)) this.#refuse(host.id, 'removed-host');
    else if (known !== undefined && host.generation < known.generation) {
      this.#refuse(host.id, 'older-key');
    } else if (!this.#isBelieved(host, known)) this.#refuse(host.id, 'host-signature');
    else this.#hosts.set(host.id, this.#withSoundNext(host, known));
  }

  refuseMissing(claimed: ReadonlySet<HostId>): void {
    for (const host of this.#hosts.keys()) {
      if (!claimed.has(host)) this.#refuse(host, 'missing-removal');
    }
  }

  judgement(): Judgement {
    const trust = {
      siteKey: this.#siteKey,
      site: this.#site,
      hosts: this.#hosts,
      removed: this.#removed,
    };
    return { trust, refusals: this.#refusals };
  }

  /** What was believed once is not checked again; a key has one holder in each generation. */
  #isBelieved(host: Host, known: Host | undefined): boolean {
    if (known?.generation === host.generation) {
      return (
        known.publicKey === host.publicKey && known.name === host.name && known.role === host.role
      );
    }
    return isGenuineHost(this.#site, this.#siteKey, host);
  }

  #withSoundNext(host: Host, known: Host | undefined): Host {
    const { next, ...rest } = host;
    if (next === undefined || isSameKey(next, known?.next)) return host;
    if (isGenuineNextKey(this.#site, this.#siteKey, host, next)) return host;
    this.#refuse(host.id, 'next-key-signature');
    return rest;
  }

  #refuse(host: HostId, reason: RefusalReason): void {
    this.#refusals.push({ host, reason });
  }
}

function isSameKey(one: Host['next'], other: Host['next']): boolean {
  return one?.publicKey === other?.publicKey && one?.generation === other?.generation;
}
