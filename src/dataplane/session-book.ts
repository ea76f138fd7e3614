// Which peers had a session lately, and where they were: kept on disk, so that after a kill a data
// plane begins with those that wait for it, also with one behind a NAT, whose place no
// configuration tells.

import type { Logger } from '../base/logger.ts';
import type { EndpointAddress, PeerStatus } from '../device/config.ts';
import { parseEndpoint } from '../device/peers/endpoint.ts';
import { readFileIfExists, writeFileAtomic } from '../os/atomic-file.ts';
import { REJECT_AFTER_MS } from '../wireguard/constants.ts';

/** What a handshake waits for others to be written with it, milliseconds. */
const WRITE_DELAY_MS = 1_000;
const VERSION = 1;

export interface RecentPeer {
  /** Base64. */
  readonly publicKey: string;
  /** Where it was last. */
  readonly endpoint: EndpointAddress;
}

type KnownPeer = PeerStatus & { readonly publicKey: string };

export interface SessionBookDependencies {
  /** How each installed peer is. */
  readonly peers: () => Promise<readonly KnownPeer[]>;
  readonly wallNow: () => number;
  readonly logger: Logger;
}

export class SessionBook {
  readonly #path: string;
  readonly #dependencies: SessionBookDependencies;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, dependencies: SessionBookDependencies) {
    this.#path = path;
    this.#dependencies = dependencies;
  }

  /** A handshake has ended, or a peer is somewhere else. */
  note(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#writing.then(() => this.#write());
    }, WRITE_DELAY_MS);
  }

  /** Writes what holds now, while the data plane can still be asked. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
  }

  async #write(): Promise<void> {
    const { peers, wallNow, logger } = this.#dependencies;
    try {
      const since = wallNow() - REJECT_AFTER_MS;
      const recent = (await peers())
        .filter(({ lastHandshakeAt }) => (lastHandshakeAt ?? 0) > since)
        .sort((a, b) => (b.lastHandshakeAt ?? 0) - (a.lastHandshakeAt ?? 0))
        .flatMap(({ publicKey, endpoint }) =>
          endpoint === undefined ? [] : [{ publicKey, endpoint }],
        );
      await writeFileAtomic(this.#path, `${JSON.stringify({ version: VERSION, peers: recent })}\n`);
    } catch (error) {
      logger.warn('sessions are not kept', { error: String(error) });
    }
  }
}

/** Those that the last data plane had a session with, the latest first; none of a damaged file. */
export async function readRecentPeers(path: string): Promise<readonly RecentPeer[]> {
  try {
    const value: unknown = JSON.parse((await readFileIfExists(path)) ?? '');
    const { version, peers } = value as { readonly version?: unknown; readonly peers?: unknown };
    return version === VERSION && Array.isArray(peers) ? peers.filter(isRecentPeer) : [];
  } catch {
    return [];
  }
}

function isRecentPeer(value: unknown): value is RecentPeer {
  if (typeof value !== 'object' || value === null) return false;
  const { publicKey, endpoint } = value as Partial<RecentPeer>;
  const { address, port } = endpoint ?? {};
  return (
    typeof publicKey === 'string' &&
    typeof address === 'string' &&
    typeof port === 'number' &&
    parseEndpoint({ address, port }) !== undefined
  );
}
