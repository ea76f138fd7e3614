// A site whose servers share an etcd: three members, each in a namespace of its own on the bridge
// of the hosts, so that links can be cut.

import type { TestContext } from 'node:test';
import { EtcdCluster } from '../fakes/etcd.ts';
import { must, Site, type SiteHost } from './site.ts';

const MEMBERS = 3;

export interface EtcdSite {
  readonly site: Site;
  readonly cluster: EtcdCluster;
  /** `--registry` and its value. */
  readonly flags: readonly string[];
}

/** Three members and no host yet. */
export async function createEtcdSite(context: TestContext): Promise<EtcdSite> {
  const site = await Site.create(context);
  const places: SiteHost[] = [];
  for (let number = 1; number <= MEMBERS; number++) places.push(await site.addHost(`e${number}`));
  const cluster = await EtcdCluster.start({
    members: MEMBERS,
    addresses: places.map(({ underlay }) => underlay),
    prefixes: places.map(({ namespace }) => ['ip', 'netns', 'exec', namespace]),
    flags: ['--unsafe-no-fsync'],
  });
  context.after(() => cluster.stop());
  const flags = ['--registry', `etcd://${cluster.endpoints.join()}`];
  return { site, cluster, flags };
}

/** A founder and a further server on etcd, and a host that the second one let in. */
export async function runEtcdSite(
  context: TestContext,
): Promise<EtcdSite & { readonly hosts: readonly [SiteHost, SiteHost, SiteHost] }> {
  const made = await createEtcdSite(context);
  const { site, flags } = made;
  const one = await site.addHost('one');
  await one.start(...flags);
  const two = await site.addHost('two');
  await two.start('--join', await one.invite('--server'), ...flags);
  const three = await site.addHost('three');
  await three.join(two);
  return { ...made, hosts: [one, two, three] };
}

/** Takes a host off its network, or puts it back. */
export async function setLink(host: SiteHost, state: 'up' | 'down'): Promise<void> {
  await must('ip', '-n', host.namespace, 'link', 'set', 'eth0', state);
}

/** Of the networks that a host shows; none when it cannot. */
export async function networkNames(host: SiteHost): Promise<readonly string[]> {
  const outcome = await host.ctl('--json', 'networks', 'list');
  if (outcome.code !== 0) return [];
  return (JSON.parse(outcome.stdout) as { name: string }[]).map(({ name }) => name);
}

export function includesAll(wanted: readonly string[], found: readonly string[]): boolean {
  return wanted.length > 0 && wanted.every((name) => found.includes(name));
}

/** How many of the first two hosts answer. */
export async function pings(host: SiteHost): Promise<number> {
  const outcomes = await Promise.all(
    ['fdaa::1:0:0:0:1', 'fdaa::1:1:0:0:1'].map((address) =>
      host.exec('ping', '-6', '-c', '1', '-W', '1', address),
    ),
  );
  return outcomes.filter(({ code }) => code === 0).length;
}
