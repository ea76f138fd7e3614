// What the parts of p6nd stand on: the machine and its configuration, and who this host is.

import type { Lifecycle } from '../../base/lifecycle.ts';
import type { DaemonConfig } from '../config.ts';
import type { GatewayKey } from '../gateway-key.ts';
import type { HostKeyRing } from '../host-key-ring.ts';
import type { IdentityKeeper } from '../identity-keeper.ts';
import type { DaemonLogger } from '../log.ts';
import type { Machine } from '../machine.ts';

/** What every part stands on. */
export interface Ground {
  readonly config: DaemonConfig;
  readonly logger: DaemonLogger;
  readonly lifecycle: Lifecycle;
  readonly machine: Machine;
  /** Where this host says that it is reached. */
  readonly endpoints: readonly string[];
}

/** Who this host is, and the keys that prove it. */
export interface Self {
  readonly keeper: IdentityKeeper;
  readonly key: HostKeyRing;
  /** For WireGuard peers. */
  readonly gateway: GatewayKey;
}
