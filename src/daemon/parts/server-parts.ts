// What a server has besides: the site's key, the registry, and the desks that serve other hosts. It
// is loaded when packets move already, and on servers alone.

import { PROCESS_TIMERS } from '../../agent/agent.ts';
import type { SiteSigner } from '../../registry/site-signer.ts';
import type { Server } from '../server.ts';
import type { Ground } from './ground.ts';
import type { MovingParts } from './moving-parts.ts';

export async function openServer(
  { config, lifecycle, logger, machine, endpoints }: Ground,
  { follower, keeper, key, ledger }: Pick<MovingParts, 'follower' | 'keeper' | 'key' | 'ledger'>,
  signer: SiteSigner,
): Promise<Server> {
  const { openRegistry } = await import('../registry-opener.ts');
  const { Server } = await import('../server.ts');
  const { SiteKeyDesk } = await import('../site-key.ts');
  const { SiteKeyAsker } = await import('../site-key-asker.ts');
  const { stateDir, registry: place } = config;
  const identity = keeper.current;
  lifecycle.started('site key', signer);
  const registry = await openRegistry(
    { machine, logger, lifecycle, signer },
    { place, stateDir, writer: identity.hostId.toString(16) },
  );
  const { random } = machine;
  const asker = new SiteKeyAsker({ registry, keeper, random });
  const siteKey = new SiteKeyDesk({
    ...{ registry, signer, keeper, random, logger },
    timers: PROCESS_TIMERS,
    believed: () => {
      const { hosts, revision } = ledger.current();
      const { removed, siteKey } = ledger;
      return { hosts, removed, siteKey, incarnation: revision?.incarnation };
    },
    ask: (server) => asker.ask(server),
  });
  siteKey.start();
  lifecycle.started('keeper of the site key', siteKey);
  follower.onChange(() => siteKey.look());
  const publicKey = (): string => key.publicKey;
  const isShared = place.kind === 'etcd';
  const facts = { identity, endpoints, publicKey, signer, siteKey, stateDir, isShared };
  const server = new Server(registry, machine, logger, facts);
  server.keepInvites(lifecycle);
  return server;
}
