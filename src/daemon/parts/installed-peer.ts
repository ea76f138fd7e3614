// Waits until a host that has just enrolled is a peer of this server's data plane, so that the
// answer to its enrolment is not followed by a handshake that nobody answers.

import { P6nError } from '../../base/errors.ts';
import type { MovingParts } from './moving-parts.ts';

/** How long the answer to an enrolment waits for the new peer, milliseconds. */
const PEER_TIMEOUT_MS = 10_000;

/** Resolves once the data plane has been told of the host with this public key (base64). */
export async function peerInstalled(
  { follower, ledger, agent }: Pick<MovingParts, 'follower' | 'ledger' | 'agent'>,
  publicKey: string,
): Promise<void> {
  const known = (): boolean => ledger.current().hosts.some((host) => host.publicKey === publicKey);
  if (!known()) {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        end();
        reject(new P6nError('REGISTRY_UNAVAILABLE', 'Cannot install the new host yet'));
      }, PEER_TIMEOUT_MS);
      timer.unref();
      const end = follower.onChange(() => {
        if (!known()) return;
        clearTimeout(timer);
        end();
        resolve();
      });
    });
  }
  agent.changed();
  await agent.applied();
}
