// Which WireGuard peers this host believes in: those that the site's key has signed. Else whoever
// can write to the registry's database could let himself into any network.

import type { WireguardPeer } from '../registry/model.ts';
import { isGenuinePeer } from '../registry/site-signature.ts';

export interface JudgedPeers {
  readonly believed: readonly WireguardPeer[];
  readonly refused: readonly WireguardPeer[];
}

export class PeerTrust {
  /** What was believed once is not checked again: the site's key may change meanwhile. */
  #known: ReadonlySet<string> = new Set();

  /** Nobody is believed while the site is not known. */
  judge(
    peers: Iterable<WireguardPeer>,
    { site, siteKey }: { readonly site: string | undefined; readonly siteKey: string },
  ): JudgedPeers {
    const known = new Set<string>();
    const believed: WireguardPeer[] = [];
    const refused: WireguardPeer[] = [];
    for (const peer of peers) {
      const text = describe(peer);
      const isGenuine =
        this.#known.has(text) || (site !== undefined && isGenuinePeer(site, siteKey, peer));
      if (isGenuine) known.add(text);
      (isGenuine ? believed : refused).push(peer);
    }
    this.#known = known;
    return { believed, refused };
  }
}

/** All that is signed. */
function describe({ network, name, host, number, publicKey }: WireguardPeer): string {
  return `${network} ${name} ${host} ${number} ${publicKey}`;
}
