// What a server has besides: the site's key, the registry, and the desks that serve other hosts. It
// is loaded when packets move already, and on servers alone.

import type { SiteSigner } from '../../registry/site-signer.ts';
import type { Server } from '../server.ts';
import type { Ground, Self } from './moving-parts.ts';

export async function openServer(
  { config, lifecycle, logger, machine, endpoints }: Ground,
  { keeper, key }: Self,
  signer: SiteSigner,
): Promise<Server> {
  const { openRegistry } = await import('../registry-opener.ts');
  const { Server } = await import('../server.ts');
  const { SiteKeyDesk } = await import('../site-key.ts');
  const { stateDir, registry: place } = config;
  const identity = keeper.current;
  lifecycle.started('site key', signer);
  const registry = await openRegistry(
    { machine, logger, lifecycle, signer },
    { place, stateDir, writer: identity.hostId.toString(16) },
  );
  const { random } = machine;
  const siteKey = new SiteKeyDesk({ registry, signer, keeper, random, logger });
  await siteKey.start();
  const publicKey = (): string => key.publicKey;
  const isShared = place.kind === 'etcd';
  const facts = { identity, endpoints, publicKey, signer, siteKey, stateDir, isShared };
  const server = new Server(registry, machine, logger, facts);
  server.keepInvites(lifecycle);
  return server;
}
