// The site's key on servers: a change that fails in the middle is ended and not begun anew, and all
// servers have the key that signs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId } from '../../src/addressing/ids.ts';
import type { Timers } from '../../src/agent/ports.ts';
import { toBase64 } from '../../src/base/bytes.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Identity } from '../../src/daemon/identity.ts';
import { IdentityKeeper } from '../../src/daemon/identity-keeper.ts';
import { type BelievedSite, SiteKeyDesk } from '../../src/daemon/site-key.ts';
import { Registry } from '../../src/registry/registry.ts';
import { generateSiteKeyPair } from '../../src/registry/site.ts';
import { isGenuineHost } from '../../src/registry/site-signature.ts';
import { SiteSigner } from '../../src/registry/site-signer.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { Site } from '../fakes/site.ts';

const LOST = new P6nError('REGISTRY_UNAVAILABLE', 'Cannot reach the registry');

/** Servers of one site, with what each keeps and believes. */
class Scene {
  readonly site = new Site();
  readonly servers: Server[] = [];
  believed: BelievedSite = {
    ...{ siteKey: '', hosts: [], removed: new Set(), incarnation: undefined },
  };

  static async create(): Promise<Scene> {
    const scene = new Scene();
    const one = await scene.site.start();
    const two = await scene.site.join(one.id, 'two', 'server');
    await scene.site.join(one.id, 'three');
    for (const id of [one.id, two.host.id]) scene.servers.push(new Server(scene, id));
    await scene.follow();
    return scene;
  }

  /** All hosts have heard of what the registry says. */
  async follow(): Promise<void> {
    const { registry } = this.site;
    const keys = await registry.siteKeys.list();
    const { incarnation } = registry;
    const siteKey = keys.at(-1)?.publicKey ?? '';
    this.believed = { ...this.believed, siteKey, hosts: await registry.listHosts(), incarnation };
  }

  /** Names of the hosts that the site's key has not signed. */
  async unsigned(): Promise<readonly string[]> {
    const site = await this.site.registry.findSite();
    const hosts = await this.site.registry.listHosts();
    return hosts
      .filter((host) => !isGenuineHost(site?.id ?? '', site?.publicKey ?? '', host))
      .map(({ name }) => name);
  }
}

class Server {
  readonly id: HostId;
  readonly signer = new SiteSigner();
  readonly keeper: IdentityKeeper;
  readonly desk: SiteKeyDesk;
  /** What fails for now. */
  readonly failing = new Set<string>();
  readonly #tasks: (() => void)[] = [];

  constructor(scene: Scene, id: HostId) {
    this.id = id;
    const siteSecretKey = toBase64(generateSiteKeyPair(new SeededRandom(3)).secretKey);
    const { publicKey: siteKey } = scene.site.signer;
    const identity = { hostId: id, role: 'server', signed: true, siteKey, siteSecretKey };
    const files = { write: () => Promise.resolve() };
    this.keeper = new IdentityKeeper(files, identity as Identity);
    const { store, clock, random } = scene.site;
    const context = { store, clock, random, logger: SILENT_LOGGER, signer: this.signer };
    const timers: Timers = {
      after: (_ms, task) => {
        this.#tasks.push(task);
        return () => undefined;
      },
    };
    this.desk = new SiteKeyDesk({
      registry: this.#failing(new Registry(context)),
      signer: this.signer,
      keeper: this.keeper,
      believed: () => scene.believed,
      ask: (server) => {
        const asked = scene.servers.find((one) => one.id === server);
        return asked?.desk.handOver(id) ?? Promise.reject(LOST);
      },
      timers,
      random: new SeededRandom(id),
      logger: SILENT_LOGGER,
    });
  }

  /** Lets the time of all retries come. */
  retry(): void {
    for (const task of this.#tasks.splice(0)) task();
  }

  /** Resolves when what was asked for is done, and tried no further. */
  async settled(): Promise<void> {
    // Stores in memory answer within a turn of the event loop each.
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
  }

  #failing(registry: Registry): Registry {
    const { siteKeys } = registry;
    const keys = new Proxy(siteKeys, {
      get: (target, name: keyof typeof siteKeys) =>
        this.failing.has(name)
          ? () => Promise.reject(LOST)
          : (target[name] as () => unknown).bind(target),
    });
    const { custody } = registry;
    return { custody, findSite: () => registry.findSite(), siteKeys: keys } as Registry;
  }
}

test('rotate() ends a change that failed in the middle, and condemns no host', async () => {
  const scene = await Scene.create();
  const [one] = scene.servers as [Server, Server];
  one.desk.start();
  one.failing.add('resign');
  await assert.rejects(one.desk.rotate(), { code: 'REGISTRY_UNAVAILABLE' });
  await one.settled();
  const pending = one.keeper.current.nextSiteSecretKey;
  one.failing.clear();
  const { signed, refused } = await one.desk.rotate();
  assert.deepEqual({ signed, refused }, { signed: 3, refused: [] });
  assert.equal(one.keeper.current.siteSecretKey, pending);
  assert.deepEqual(await scene.unsigned(), []);
  // The next one is a change of its own.
  await one.desk.rotate();
  assert.deepEqual(await scene.unsigned(), []);
  assert.equal((await scene.site.registry.siteKeys.list()).length, 3);
});

test('start() ends a change in the background, however often it fails', async () => {
  const scene = await Scene.create();
  const [one] = scene.servers as [Server, Server];
  one.desk.start();
  one.failing.add('publish');
  await assert.rejects(one.desk.rotate(), { code: 'REGISTRY_UNAVAILABLE' });
  one.desk.start();
  await one.settled();
  assert.notEqual(one.keeper.current.nextSiteSecretKey, undefined);
  one.failing.clear();
  one.retry();
  await one.settled();
  assert.equal(one.keeper.current.nextSiteSecretKey, undefined);
  assert.deepEqual(await scene.unsigned(), []);
});

test('rotate() leaves no draft of what was refused', async () => {
  const scene = await Scene.create();
  const [one] = scene.servers as [Server, Server];
  one.desk.start();
  await scene.site.registry.custody.export({ close: true });
  await assert.rejects(one.desk.rotate(), { code: 'REGISTRY_CLOSED' });
  assert.equal(one.keeper.current.nextSiteSecretKey, undefined);
});

test('the other servers get a new key, and may change it in turn', async () => {
  const scene = await Scene.create();
  const [one, two] = scene.servers as [Server, Server];
  for (const { desk } of scene.servers) desk.start();
  await one.desk.rotate();
  await assert.rejects(two.desk.rotate(), { code: 'CHANGED_MEANWHILE' });
  await scene.follow();
  two.desk.look();
  await two.settled();
  assert.equal(two.signer.publicKey, one.signer.publicKey);
  assert.equal(two.keeper.current.siteSecretKey, one.keeper.current.siteSecretKey);
  assert.equal(two.keeper.current.siteKey, one.signer.publicKey);
  await two.desk.rotate();
  assert.deepEqual(await scene.unsigned(), []);
});

test('a server drops the key that it was about to change to when another was faster', async () => {
  const scene = await Scene.create();
  const [one, two] = scene.servers as [Server, Server];
  for (const { desk } of scene.servers) desk.start();
  two.failing.add('publish');
  await assert.rejects(two.desk.rotate(), { code: 'REGISTRY_UNAVAILABLE' });
  await two.settled();
  await one.desk.rotate();
  await scene.follow();
  for (let tries = 0; tries < 3; tries += 1) {
    two.retry();
    await two.settled();
  }
  assert.equal(two.keeper.current.nextSiteSecretKey, undefined);
  assert.equal(two.signer.publicKey, one.signer.publicKey);
});

test('handOver() gives the key to servers alone, and none that is about to go', async () => {
  const scene = await Scene.create();
  const [one, two] = scene.servers as [Server, Server];
  one.desk.start();
  const three = await scene.site.registry.findHost('three');
  await assert.rejects(one.desk.handOver(three.id), { code: 'NOT_PERMITTED' });
  await assert.rejects(one.desk.handOver(0x2_0000 as HostId), { code: 'NOT_PERMITTED' });
  const { site_key: key } = await one.desk.handOver(two.id);
  assert.equal(key, one.signer.publicKey);
  one.failing.add('resign');
  await assert.rejects(one.desk.rotate());
  await assert.rejects(one.desk.handOver(two.id), { code: 'CHANGED_MEANWHILE' });
});

test('a server takes no key that is not the one it believes in', async () => {
  const scene = await Scene.create();
  const [one, two] = scene.servers as [Server, Server];
  for (const { desk } of scene.servers) desk.start();
  await one.desk.rotate();
  const stale = two.signer.publicKey;
  // Whoever writes to the registry may count the keys anew, and no key comes of it.
  scene.believed = {
    ...scene.believed,
    siteKey: (await scene.site.registry.siteKeys.list())[1]!.publicKey,
  };
  await one.desk.rotate();
  two.desk.look();
  await two.settled();
  assert.equal(two.signer.publicKey, stale);
});
