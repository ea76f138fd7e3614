// Names of clusters: members by rank, lists in order of rank, and two clusters of one app.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterMember, clusterMetadata, makeClusterId } from '../../src/addressing/cluster.ts';
import { clusterFor, indexClusters } from '../../src/dns/cluster-index.ts';
import type { InstanceName } from '../../src/dns/zone.ts';
import { askAndRead, makeInstance, makeZone } from './dns-messages.ts';

const AAAA = 28;
const TXT = 16;
const OLD = makeClusterId(1_000, 7);
const NEW = makeClusterId(2_000, 1);

function member(number: number, cluster: string, rank: number, size = 3): InstanceName {
  return { ...makeInstance(number, 'ord'), metadata: clusterMetadata({ cluster, rank, size }) };
}

const A0 = member(0xa0, OLD, 0);
const A1 = member(0xa1, OLD, 1);
const A2 = member(0xa2, OLD, 2);
const B0 = member(0xb0, NEW, 0, 2);
const ZONE = makeZone({ web: [A0, A2, B0], none: [makeInstance(0xc0, 'ord')] }, ['ord'], {
  web: [A1],
});

function ask(name: string, type = AAAA): { rcode: number; data: readonly string[] } {
  const reply = askAndRead(ZONE, name, { type });
  const data = reply.answers
    .filter((one) => one.type === type)
    .map((one) => one.address ?? [one.data].flat().join(''));
  return { rcode: reply.header.rcode, data };
}

const OLD_LIST = [A0, A1, A2].map(({ address }) => address).join(',');
const CASES: readonly [name: string, type: number, rcode: number, data: readonly string[]][] = [
  ['0.cluster.web.internal', AAAA, 0, [A0.address]],
  ['1.cluster.web.internal', AAAA, 0, []],
  ['2.cluster.web.internal', AAAA, 0, [A2.address]],
  ['0.cluster.web.internal', TXT, 0, []],
  [`0.${OLD}.cluster.web.internal`, AAAA, 0, [A0.address]],
  [`0.${NEW}.cluster.web.internal`, AAAA, 0, [B0.address]],
  [`1.${NEW}.cluster.web.internal`, AAAA, 0, []],
  ['cluster.web.internal', AAAA, 0, []],
  [`${NEW}.cluster.web.internal`, AAAA, 0, []],
  ['_cluster.web.internal', TXT, 0, [OLD_LIST]],
  [`${OLD}._cluster.web.internal`, TXT, 0, [OLD_LIST]],
  // One that is gone for good leaves its place.
  [`${NEW}._cluster.web.internal`, TXT, 0, [`${B0.address},::`]],
  ['3.cluster.web.internal', AAAA, 3, []],
  ['00.cluster.web.internal', AAAA, 3, []],
  ['-1.cluster.web.internal', AAAA, 3, []],
  ['x.cluster.web.internal', AAAA, 3, []],
  ['0.0.cluster.web.internal', AAAA, 3, []],
  [`0.0.${OLD}.cluster.web.internal`, AAAA, 3, []],
  ['x._cluster.web.internal', TXT, 3, []],
  ['0.cluster.none.internal', AAAA, 3, []],
  ['_cluster.none.internal', TXT, 3, []],
];
for (const [name, type, rcode, data] of CASES) {
  test(`type ${type} of ${name} is ${rcode} with ${data.length}`, () => {
    assert.deepEqual(ask(name, type), { rcode, data });
  });
}

test('a member sees its own cluster, everybody else the oldest that runs', () => {
  const clusters = indexClusters({ name: 'web', instances: [A0, A2, B0], stopped: [A1] });
  assert.equal(clusterFor(clusters, B0.address), clusters.get(NEW));
  assert.equal(clusterFor(clusters, A1.address), clusters.get(OLD));
  assert.equal(clusterFor(clusters, undefined), clusters.get(OLD));
  const half = indexClusters({ name: 'web', instances: [B0], stopped: [A1] });
  assert.equal(clusterFor(half, undefined), half.get(NEW));
  assert.equal(clusterFor(new Map(), A0.address), undefined);
});

test('metadata that make no sense are of no cluster', () => {
  const good = clusterMetadata({ cluster: OLD, rank: 0, size: 1 });
  assert.deepEqual(clusterMember(good), { cluster: OLD, rank: 0, size: 1 });
  for (const bad of [
    {},
    { ...good, p6n_cluster: 'x' },
    { ...good, p6n_cluster_rank: '1' },
    { ...good, p6n_cluster_rank: '-1' },
    { ...good, p6n_cluster_rank: '' },
    { ...good, p6n_cluster_size: '257' },
    { ...good, p6n_cluster_size: '99999999999' },
    { ...good, p6n_cluster_size: '1e2' },
  ]) {
    assert.equal(clusterMember(bad), undefined, JSON.stringify(bad));
  }
});
