// Invites: WireGuard peers of network 0 behind the server that made them, each good for one host.

import type { HostId } from '../addressing/ids.ts';
import type { HostRole } from './model.ts';

export interface InviteReference {
  readonly server: HostId;
  readonly number: number;
}

export interface NewInvite {
  /** The server that makes and serves it. */
  readonly server: HostId;
  /** WireGuard public key, base64; its private half is in the token alone. */
  readonly publicKey: string;
  readonly region?: string | undefined;
  /** What the host becomes; `agent` where absent. */
  readonly role?: HostRole | undefined;
  /** INVITE_TTL_DEFAULT_MS where absent. */
  readonly ttlMs?: number | undefined;
}

export interface InviteFilter {
  readonly server?: HostId | undefined;
}
