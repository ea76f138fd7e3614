// The start of a site: a fresh registry gets its site record, the organization and the network
// `default`, and its first server.

import type { Host, Site } from './model.ts';

export interface Bootstrap {
  /** Ed25519 public key of the site, base64. */
  readonly sitePublicKey: string;
  /** The first server. */
  readonly host: {
    readonly name: string;
    readonly region: string;
    /** WireGuard public key, base64. */
    readonly publicKey: string;
    readonly endpoints: readonly string[];
  };
}

export interface Bootstrapped {
  readonly site: Site;
  readonly host: Host;
}
