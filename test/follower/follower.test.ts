// A follower on a real registry: its copy becomes what the registry says, whatever happens between.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { NetworkId } from '../../src/addressing/ids.ts';
import type { BackoffOptions } from '../../src/base/backoff.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { CopyFile } from '../../src/follower/copy-file.ts';
import { Follower, type FollowTransport } from '../../src/follower/follower.ts';
import type { App, FollowEvent, Host, InstanceState, Revision } from '../../src/registry/model.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';
import { networksOf, Site } from '../fakes/site.ts';

const BACKOFF = { minMs: 1, maxMs: 2 };
/** Turns of the event loop that a condition may take. */
const TURNS_MAX = 50_000;
const SEED = 20260101;

test('Follower follows hosts and its networks', async (t) => {
  const { site, host, web, db } = await scene();
  const { follower } = start(t, site, networksOf(web));
  await becomesTrue(() => isEqual(follower, site, networksOf(web)));
  assert.equal(follower.status().following, true);
  await site.registry.putInstance(host.id, site.instance(web, host.id, 1));
  await site.registry.putInstance(host.id, site.instance(db, host.id, 2));
  await site.join(host.id, 'two');
  await becomesTrue(() => isEqual(follower, site, networksOf(web)));
  const { hosts, networks, apps, instances } = follower.current();
  assert.deepEqual(
    [hosts, networks, apps, instances].map((all) => all.length),
    [2, 1, 1, 1],
  );
});

test('Follower keeps what it knows while the servers are gone, and resumes', async (t) => {
  const { site, host, web } = await scene();
  const { follower, link } = start(t, site, networksOf(web));
  await becomesTrue(() => isEqual(follower, site, networksOf(web)));
  const before = follower.current();
  link.cut();
  await becomesTrue(() => follower.counters().disconnects > 2);
  assert.equal(follower.status().following, false);
  assert.match(follower.status().problem ?? '', /the link is cut/);
  assert.equal(follower.current(), before);
  await site.registry.putInstance(host.id, site.instance(web, host.id, 1));
  link.mend();
  await becomesTrue(() => isEqual(follower, site, networksOf(web)));
  assert.equal(follower.status().problem, undefined);
  assert.equal(follower.counters().resets, 1);
});

test('Follower tries at once when it is told that a server is back, and tells of it', async (t) => {
  const { site, web } = await scene();
  const link = new Link(site);
  link.cut();
  // A pause that no test would see the end of.
  const backoff = { minMs: 3_600_000, maxMs: 3_600_000 };
  const follower = newFollower(site, link, networksOf(web), undefined, backoff);
  t.after(() => follower.stop());
  let found = 0;
  follower.onFollowing(() => {
    found += 1;
  });
  follower.start();
  await becomesTrue(() => follower.counters().disconnects === 1);
  link.mend();
  follower.hurry();
  await becomesTrue(() => follower.status().following);
  assert.equal(found, 1);
});

test('Follower takes other networks without dropping those that stay', async (t) => {
  const { site, web, db } = await scene();
  const { follower } = start(t, site, networksOf(web));
  const told: number[] = [];
  follower.onChange(() => told.push(follower.current().apps.length));
  await becomesTrue(() => told.includes(1));
  follower.setNetworks(networksOf(web, db));
  await becomesTrue(() => told.includes(2));
  assert.ok(isEqual(follower, site, networksOf(web, db)));
  assert.deepEqual(told, [1, 2]);
  assert.equal(follower.counters().resets, 1);
  follower.setNetworks(networksOf(db));
  await becomesTrue(() => isEqual(follower, site, networksOf(db)));
  // What is left out needs no server to say so.
  assert.equal(follower.counters().resets, 1);
  assert.equal(follower.counters().disconnects, 0);
});

test('Follower tells many changes at once, and none that is not one', async (t) => {
  const { site, host, web } = await scene();
  const { follower } = start(t, site, networksOf(web));
  await becomesTrue(() => isEqual(follower, site, networksOf(web)));
  await new Promise(setImmediate);
  let calls = 0;
  const end = follower.onChange(() => {
    calls += 1;
    throw new Error('a listener that fails');
  });
  const puts = Array.from({ length: 50 }, (_, i) =>
    site.registry.putInstance(host.id, site.instance(web, host.id, i)),
  );
  await Promise.all(puts);
  await becomesTrue(() => isEqual(follower, site, networksOf(web)));
  await new Promise(setImmediate);
  assert.ok(calls >= 1 && calls < 50, `${calls} calls`);
  end();
  const before = calls;
  await site.registry.createApp({ name: 'third', network: 'blue' });
  await becomesTrue(() => isEqual(follower, site, networksOf(web)));
  await new Promise(setImmediate);
  assert.equal(calls, before);
});

test('Follower goes on from its file, also without a server', async (t) => {
  const { site, host, web } = await scene();
  const path = await freshPath(t);
  const networks = networksOf(web);
  const first = start(t, site, networks, path);
  await becomesTrue(() => isEqual(first.follower, site, networks));
  await first.follower.stop();
  // As p6nd does: who names the networks starts later.
  const unnamed = start(t, site, new Set(), path, true);
  await becomesTrue(() => unnamed.follower.counters().disconnects > 0);
  assert.ok(await isEqual(unnamed.follower, site, networks));
  await unnamed.follower.stop();
  const alone = start(t, site, networks, path, true);
  await becomesTrue(() => alone.follower.counters().disconnects > 0);
  assert.ok(await isEqual(alone.follower, site, networks));
  await site.registry.putInstance(host.id, site.instance(web, host.id, 1));
  alone.link.mend();
  await becomesTrue(() => isEqual(alone.follower, site, networks));
  assert.equal(alone.follower.counters().resets, 0);
  await alone.follower.stop();
  await writeFile(path, 'nonsense');
  const third = start(t, site, networks, path);
  await becomesTrue(() => isEqual(third.follower, site, networks));
  assert.equal(third.follower.counters().copyDamages, 1);
  assert.equal(third.follower.counters().resets, 1);
});

test('Follower becomes whole again from a copy that is cut off at every 64th byte', async (t) => {
  const { site, host, web } = await scene();
  for (let n = 1; n <= 4; n += 1) {
    await site.registry.putInstance(host.id, site.instance(web, host.id, n));
  }
  const path = await freshPath(t);
  const networks = networksOf(web);
  const first = start(t, site, networks, path);
  await becomesTrue(() => isEqual(first.follower, site, networks));
  await first.follower.stop();
  const whole = await readFile(path);
  assert.ok(whole.length > 10 * 64);
  for (let length = 0; length < whole.length; length += 64) {
    await writeFile(path, whole.subarray(0, length));
    const { follower } = start(t, site, networks, path);
    await becomesTrue(() => isEqual(follower, site, networks));
    assert.equal(follower.counters().copyDamages, 1);
    await follower.stop();
    assert.deepEqual(await readFile(path), whole);
  }
});

test("Follower's copy becomes the registry, after any changes and disconnections", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 60 }), async (steps) => {
      const { site, host, web, db } = await scene(64);
      const apps = [web, db];
      const link = new Link(site);
      const follower = newFollower(site, link, networksOf(web));
      const torn: string[] = [];
      follower.onChange(() => torn.push(...tornParts(follower)));
      follower.start();
      let networks = networksOf(web);
      for (const step of steps) {
        networks = (await take(step, { site, host, apps, link, follower })) ?? networks;
      }
      link.mend();
      await becomesTrue(() => isEqual(follower, site, networks));
      await follower.stop();
      assert.deepEqual(torn, []);
    }),
    { seed: SEED, numRuns: 60 },
  );
});

type Step =
  | { readonly type: 'put'; readonly app: number; readonly number: number; readonly state: number }
  | { readonly type: 'remove'; readonly app: number; readonly number: number }
  | { readonly type: 'app'; readonly number: number; readonly network: number }
  | { readonly type: 'remove-app'; readonly number: number }
  | { readonly type: 'region'; readonly number: number }
  | { readonly type: 'networks'; readonly bits: number }
  | { readonly type: 'cut' | 'mend' | 'turn' | 'burst' };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('put' as const),
    app: fc.nat(1),
    number: fc.nat(5),
    state: fc.nat(2),
  }),
  fc.record({ type: fc.constant('remove' as const), app: fc.nat(1), number: fc.nat(5) }),
  fc.record({ type: fc.constant('app' as const), number: fc.nat(3), network: fc.nat(2) }),
  fc.record({ type: fc.constant('remove-app' as const), number: fc.nat(3) }),
  fc.record({ type: fc.constant('region' as const), number: fc.nat(3) }),
  fc.record({ type: fc.constant('networks' as const), bits: fc.nat(3) }),
  fc.record({ type: fc.constantFrom('cut', 'mend', 'turn', 'turn', 'burst') }),
);
const STATES: readonly InstanceState[] = ['created', 'started', 'stopped'];

interface Scene {
  readonly site: Site;
  readonly host: Host;
  readonly apps: readonly App[];
  readonly link: Link;
  readonly follower: Follower;
}

/** Takes one step; returns the networks that are followed from then on, if they change. */
async function take(step: Step, scene: Scene): Promise<ReadonlySet<NetworkId> | undefined> {
  const { site, host, apps, link, follower } = scene;
  const { registry } = site;
  const refused = (): undefined => undefined;
  switch (step.type) {
    case 'put':
    case 'remove': {
      const app = apps[step.app];
      assert.ok(app);
      const number = 10 * step.app + step.number;
      const state = step.type === 'put' ? (STATES[step.state] ?? 'created') : 'created';
      const instance = site.instance(app, host.id, number, { state });
      if (step.type === 'put') await registry.putInstance(host.id, instance);
      else await registry.removeInstance(host.id, instance.machineId);
      return undefined;
    }
    case 'app': {
      const network = ['blue', 'green', 'red'][step.network];
      await registry.createApp({ name: `a${step.number}`, network }).catch(refused);
      return undefined;
    }
    case 'remove-app':
      await registry.removeApp(`a${step.number}`).catch(refused);
      return undefined;
    case 'region':
      await registry.updateHost(host.id, { region: `r${step.number}` });
      return undefined;
    case 'networks': {
      const networks = networksOf(...apps.filter((_, i) => (step.bits >> i) & 1));
      follower.setNetworks(networks);
      return networks;
    }
    case 'cut':
      link.cut();
      return undefined;
    case 'mend':
      link.mend();
      return undefined;
    case 'turn':
      await new Promise(setImmediate);
      return undefined;
    case 'burst':
      // More than the store keeps.
      for (let i = 0; i < 400; i++) await registry.updateHost(host.id, { region: `b${i % 2}` });
      return undefined;
  }
}

/** A way to the registry that can be cut, also in the middle of what is said. */
class Link implements FollowTransport {
  readonly #site: Site;
  #cutting = new AbortController();

  constructor(site: Site) {
    this.#site = site;
  }

  cut(): void {
    this.#cutting.abort();
  }

  mend(): void {
    if (this.#cutting.signal.aborted) this.#cutting = new AbortController();
  }

  async *follow(
    networks: ReadonlySet<NetworkId>,
    after: Revision | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<FollowEvent, void, undefined> {
    const cutting = this.#cutting.signal;
    const both = AbortSignal.any([signal, cutting]);
    if (!cutting.aborted) {
      for await (const event of this.#site.registry.follow(networks, after, both)) {
        if (cutting.aborted) break;
        yield event;
        await Promise.resolve();
      }
    }
    if (cutting.aborted) throw new Error('the link is cut');
  }
}

async function scene(
  revisionsKept?: number,
): Promise<{ site: Site; host: Host; web: App; db: App }> {
  const site = new Site(revisionsKept === undefined ? {} : { revisionsKept });
  const host = await site.start();
  const { app: web } = await site.registry.createApp({ name: 'web', network: 'blue' });
  const { app: db } = await site.registry.createApp({ name: 'db', network: 'green' });
  return { site, host, web, db };
}

function newFollower(
  site: Site,
  link: Link,
  networks: ReadonlySet<NetworkId>,
  path?: string,
  backoff: BackoffOptions = BACKOFF,
): Follower {
  const file = path === undefined ? undefined : new CopyFile({ logger: SILENT_LOGGER }, { path });
  const random = new SeededRandom(8);
  return new Follower(
    { transport: link, clock: site.clock, random, logger: SILENT_LOGGER, file },
    { networks, backoff },
  );
}

function start(
  t: TestContext,
  site: Site,
  networks: ReadonlySet<NetworkId>,
  path?: string,
  isCut = false,
): { follower: Follower; link: Link } {
  const link = new Link(site);
  if (isCut) link.cut();
  const follower = newFollower(site, link, networks, path);
  t.after(() => follower.stop());
  void follower.load().then(() => follower.start());
  return { follower, link };
}

async function isEqual(
  follower: Follower,
  site: Site,
  networks: ReadonlySet<NetworkId>,
): Promise<boolean> {
  const { registry } = site;
  const all = await Promise.all([
    registry.listHosts(),
    registry.listNetworks().then((list) => list.filter(({ id }) => networks.has(id))),
    registry.listApps().then((list) => list.filter(({ network }) => networks.has(network))),
    registry.listInstances().then((list) => list.filter(({ network }) => networks.has(network))),
  ]);
  const copy = follower.current();
  const mine = [copy.hosts, copy.networks, copy.apps, copy.instances];
  return mine.every((list, i) => sorted(list) === sorted(all[i] ?? []));
}

function sorted(list: readonly unknown[]): string {
  return list
    .map((one) => JSON.stringify(one))
    .sort()
    .join('\n');
}

/** What a copy must never show: an app without its network, an instance without its app. */
function tornParts(follower: Follower): string[] {
  const { networks, apps, instances } = follower.current();
  const ids = new Set(networks.map(({ id }) => id));
  const names = new Set(apps.map(({ name }) => name));
  return [
    ...apps.filter(({ network }) => !ids.has(network)).map(({ name }) => `app ${name}`),
    ...instances.filter(({ app }) => !names.has(app)).map(({ machineId }) => machineId),
  ];
}

async function becomesTrue(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < TURNS_MAX; turns++) {
    if (await condition()) return;
    await new Promise(setImmediate);
  }
  assert.fail(`did not become true: ${condition}`);
}

async function freshPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-follower-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'copy');
}
