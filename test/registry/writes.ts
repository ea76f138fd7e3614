// Every kind of write that a server does, on a site that has one of everything, and how to see that
// it was done.

import assert from 'node:assert/strict';
import type { HostId } from '../../src/addressing/ids.ts';
import { ID_MIN } from '../../src/addressing/ids.ts';
import type { App, Invite } from '../../src/registry/model.ts';
import { machineId, type Site } from '../fakes/site.ts';

/** The first server, and a host that joined. */
const SERVER = ID_MIN as HostId;
const OTHER = (ID_MIN + 1) as HostId;
const PUBLIC_KEY = Buffer.alloc(32, 9).toString('base64');
const NEXT_KEY = Buffer.alloc(32, 10).toString('base64');

export interface Write {
  /** Does it; again at will after a kill, unless that says that it was done. */
  readonly run: (site: Site) => Promise<unknown>;
  readonly isDone: (site: Site) => Promise<boolean>;
}

/** One of everything. */
export async function furnish(site: Site): Promise<void> {
  await site.start();
  await site.join(SERVER, 'two');
  await site.join(SERVER, 'three');
  await site.registry.createNetwork({ name: 'idle' });
  await site.registry.createApp({ name: 'idle', network: 'other' });
  const { app } = await site.registry.createApp({ name: 'web', network: 'blue' });
  await site.registry.putInstance(OTHER, site.instance(app, OTHER, 1));
  await site.registry.publishNextKey(OTHER, NEXT_KEY);
  await site.invite(SERVER);
}

export const WRITES: Readonly<Record<string, Write>> = {
  'create-organization': {
    run: ({ registry }) => registry.createOrganization('acme'),
    isDone: async ({ registry }) =>
      (await registry.listOrganizations()).some(({ name }) => name === 'acme'),
  },
  'create-network': {
    run: ({ registry }) => registry.createNetwork({ name: 'green' }),
    isDone: ({ registry }) => hasNetwork(registry, 'green'),
  },
  'remove-network': {
    run: ({ registry }) => registry.removeNetwork({ name: 'idle' }),
    isDone: async ({ registry }) => !(await hasNetwork(registry, 'idle')),
  },
  'create-app': {
    run: ({ registry }) => registry.createApp({ name: 'api', network: 'fresh' }),
    isDone: async ({ registry }) => (await registry.lookupApp('api')) !== undefined,
  },
  'remove-app': {
    run: ({ registry }) => registry.removeApp('idle'),
    isDone: async ({ registry }) => (await registry.lookupApp('idle')) === undefined,
  },
  'remove-app-by-force': {
    run: ({ registry }) => registry.removeApp('web', { force: true }),
    isDone: async ({ registry }) => (await registry.lookupApp('web')) === undefined,
  },
  'write-instance': {
    run: async (site) =>
      await site.registry.putInstance(OTHER, site.instance(await web(site), OTHER, 2)),
    isDone: async ({ registry }) => (await registry.listInstances()).length === 2,
  },
  'change-instance': {
    run: async (site) =>
      await site.registry.putInstance(
        OTHER,
        site.instance(await web(site), OTHER, 1, { state: 'started' }),
      ),
    isDone: async ({ registry }) =>
      (await registry.listInstances()).some(({ state }) => state === 'started'),
  },
  'remove-instance': {
    run: ({ registry }) => registry.removeInstance(OTHER, machineId(1, OTHER)),
    isDone: async ({ registry }) => (await registry.listInstances()).length === 0,
  },
  'create-invite': {
    run: ({ registry }) => registry.createInvite({ server: SERVER, publicKey: PUBLIC_KEY }),
    isDone: async ({ registry }) =>
      (await registry.listInvites()).some(({ publicKey }) => publicKey === PUBLIC_KEY),
  },
  'revoke-invite': {
    run: async (site) => await site.registry.revokeInvite(await openInvite(site)),
    isDone: async (site) => (await openInvites(site)).length === 0,
  },
  'enrol-host': {
    run: async (site) =>
      await site.registry.enrol(
        {
          invite: await openInvite(site),
          publicKey: PUBLIC_KEY,
          name: 'four',
          endpoints: [],
        },
        new Uint8Array(32),
      ),
    isDone: ({ registry }) => hasHost(registry, 'four'),
  },
  'update-host': {
    run: ({ registry }) => registry.updateHost(OTHER, { region: 'fra' }),
    isDone: async ({ registry }) => (await registry.findHost(OTHER)).region === 'fra',
  },
  'drain-host': {
    run: ({ registry }) => registry.drainHost('two', true),
    isDone: async ({ registry }) => (await registry.findHost(OTHER)).drainedAt !== undefined,
  },
  'publish-next-key': {
    run: ({ registry }) => registry.publishNextKey(SERVER, PUBLIC_KEY),
    isDone: async ({ registry }) =>
      (await registry.findHost(SERVER)).next?.publicKey === PUBLIC_KEY,
  },
  'withdraw-next-key': {
    run: ({ registry }) => registry.withdrawNextKey(OTHER),
    isDone: async ({ registry }) => (await registry.findHost(OTHER)).next === undefined,
  },
  'switch-key': {
    run: ({ registry }) => registry.switchKey(OTHER, NEXT_KEY),
    isDone: async ({ registry }) => (await registry.findHost(OTHER)).publicKey === NEXT_KEY,
  },
  'hear-of-host': {
    run: ({ registry }) => registry.leases.renew(OTHER, SERVER, []),
    isDone: async ({ registry }) =>
      (await registry.leases.list()).some(({ host }) => host === OTHER),
  },
  'close-registry': {
    run: ({ registry }) => registry.custody.export({ close: true }),
    isDone: async ({ registry }) => (await registry.custody.state()).closure !== undefined,
  },
  'remove-host': {
    run: ({ registry }) => registry.removeHost('three'),
    isDone: async ({ registry }) => !(await hasHost(registry, 'three')),
  },
  'remove-host-by-force': {
    run: ({ registry }) => registry.removeHost('two', { force: true }),
    isDone: async ({ registry }) => !(await hasHost(registry, 'two')),
  },
};

type Registry = Site['registry'];

async function hasNetwork(registry: Registry, wanted: string): Promise<boolean> {
  return (await registry.listNetworks()).some(({ name }) => name === wanted);
}

async function hasHost(registry: Registry, wanted: string): Promise<boolean> {
  return (await registry.listHosts()).some(({ name }) => name === wanted);
}

async function web({ registry }: Site): Promise<App> {
  const found = await registry.lookupApp('web');
  assert.ok(found);
  return found.app;
}

async function openInvites({ registry }: Site): Promise<readonly Invite[]> {
  return (await registry.listInvites()).filter(({ use }) => use === undefined);
}

async function openInvite(site: Site): Promise<Invite> {
  const [invite] = await openInvites(site);
  assert.ok(invite);
  return invite;
}
