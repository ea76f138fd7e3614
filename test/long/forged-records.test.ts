// Somebody who may write to etcd and is no server, while the servers run: what is forged, replayed
// or taken away there makes nobody a host, gives no host another key, takes no host away, and
// brings no laptop back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type EtcdSite, runEtcdSite } from '../e2e/etcd-site.ts';
import { type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';
import { ETCD_MISSING } from '../fakes/etcd.ts';

const HOSTS = 'records/hosts/';
const LAPTOPS = 'records/wireguard-peers/';
const LAPTOP_REMOVALS = 'records/peer-removals/';
const IN_BLUE = ['--network', 'blue'];
const ONE = '00010000';
const TWO = '00010001';
const THREE = '00010002';
const FORGED = '00010009';
const HOST_ONE = 'fdaa:0:0:1::1';
const HOST_TWO = 'fdaa:0:0:1:1::1';

interface Peer {
  readonly name: string;
  readonly public_key: string;
}

interface Status {
  readonly peers: readonly Peer[];
  readonly drops: Readonly<Record<string, number>>;
}

interface HostJson {
  readonly key_generation: number;
  readonly public_key: string;
}

const skip = SKIP_REASON || (ETCD_MISSING ?? false);

describe('etcd in the hands of somebody else', { skip, timeout: 180_000 }, () => {
  test('makes nobody a host, gives no host another key, and takes none away', async (context) => {
    const made = await runEtcdSite(context);
    const etcd = new Etcd(made);
    const [one, two, three] = made.hosts;
    const all = [one, two, three];
    await bringBackLaptop(two, etcd, made.flags);
    const removed = etcd.get(HOSTS + THREE);
    const older = etcd.get(HOSTS + TWO);
    await two.must('hosts', 'rotate-key');
    const key = (await hostOf(one, 'two')).public_key;
    for (const host of [one, three]) {
      await until('the new key is a peer', async () => (await peerOf(host, 'two')) === key);
    }
    const evil = Buffer.alloc(32, 66).toString('base64');

    // A host that nobody has signed, and one with the signature of another.
    const record = JSON.parse(older) as Record<string, unknown>;
    etcd.put(HOSTS + FORGED, { ...record, id: 0x1_0009, name: 'evil', publicKey: evil });
    // Another key below a host's own name, and the key that it had before.
    etcd.put(HOSTS + ONE, { ...JSON.parse(etcd.get(HOSTS + ONE)), publicKey: evil });
    for (const host of [two, three]) {
      await refused(host, 'host-signature', 2);
      assert.notEqual(await peerOf(host, 'one'), evil);
    }
    etcd.putText(HOSTS + TWO, older);
    for (const host of [one, three]) {
      await refused(host, 'older-key', 1);
      assert.equal(await peerOf(host, 'two'), key);
    }
    // A record that is taken away without a signed removal.
    etcd.delete(HOSTS + TWO);
    for (const host of [one, three]) {
      await refused(host, 'missing-removal', 1);
      assert.equal(await peerOf(host, 'two'), key);
    }
    for (const host of all) {
      const { peers } = await host.json<Status>('status');
      assert.ok(peers.every(({ name, public_key }) => name !== 'evil' && public_key !== evil));
      assert.match(host.log, /record is refused/);
    }
    assert.ok(await pings(three, HOST_ONE));
    assert.ok(await pings(three, HOST_TWO));
    assert.ok(await pings(one, HOST_TWO));

    // A host that was removed, with its record as it was and without its removal.
    await one.must('hosts', 'remove', 'three');
    await until('it is gone', async () => (await peerOf(one, 'three')) === undefined);
    etcd.delete(`records/removals/${THREE}`);
    etcd.putText(HOSTS + THREE, removed);
    await refused(one, 'removed-host', 1);
    assert.equal(await peerOf(one, 'three'), undefined);
    assert.equal(await pings(three, HOST_ONE), false);
  });
});

/** A laptop that was removed, with its record as it was and without its removal. */
async function bringBackLaptop(two: SiteHost, etcd: Etcd, flags: readonly string[]): Promise<void> {
  await two.must('networks', 'create', 'blue');
  // The gateway follows the network as long as it has another one.
  for (const name of ['anna', 'ben']) await two.must('wireguard', 'create', name, ...IN_BLUE);
  const [key = ''] = etcd.keys(LAPTOPS);
  const anna = etcd.get(key);
  await until('both are served', async () => (await served(two)) === 'anna,ben');
  await two.must('wireguard', 'remove', 'anna', ...IN_BLUE);
  await until('the laptop is gone', async () => (await served(two)) === 'ben');
  for (const removal of etcd.keys(LAPTOP_REMOVALS)) etcd.delete(removal);
  etcd.putText(key, anna);
  await refused(two, 'removed-peer', 1);
  await two.kill('SIGTERM');
  await two.start(...flags);
  await until('the other one is served', async () => (await served(two)) === 'ben');
  // The gateway has told what it knows to be removed.
  await until('the registry has lost it', async () => etcd.keys(LAPTOPS).length === 1);
  assert.equal(etcd.keys(LAPTOP_REMOVALS).length, 1);
}

/** The laptops that a gateway has made peers of. */
async function served(host: SiteHost): Promise<string> {
  const { peers } = await host.client.wireguard.list({ network: 'blue' });
  return peers.flatMap(({ name, session }) => (session === undefined ? [] : [name])).join();
}

/** A client of etcd that knows where p6n has its records, and nothing else of it. */
class Etcd {
  readonly #site: EtcdSite;

  constructor(site: EtcdSite) {
    this.#site = site;
  }

  get(key: string): string {
    const { stdout } = this.#control('get', '--print-value-only', this.#at(key));
    assert.notEqual(stdout, '', `etcd has no ${key}`);
    return stdout.trimEnd();
  }

  /** Those that begin with `prefix`, in order. */
  keys(prefix: string): readonly string[] {
    const { stdout } = this.#control('get', '--prefix', '--keys-only', this.#at(prefix));
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((key) => key.slice(this.#at('').length));
  }

  put(key: string, record: object): void {
    this.putText(key, JSON.stringify(record));
  }

  putText(key: string, text: string): void {
    this.#control('put', this.#at(key), text);
  }

  delete(key: string): void {
    this.#control('del', this.#at(key));
  }

  #at(key: string): string {
    return `p6n/data/${key}`;
  }

  #control(...words: readonly string[]): { readonly stdout: string } {
    const outcome = this.#site.cluster.control(0, ...words);
    assert.equal(outcome.status, 0, words.join(' '));
    return outcome;
  }
}

async function refused(host: SiteHost, reason: string, count: number): Promise<void> {
  await until(`${host.name} refuses: ${reason}`, async () => {
    const { drops } = await host.json<Status>('status');
    return (drops[`record-${reason}`] ?? 0) >= count;
  });
}

async function hostOf(server: SiteHost, name: string): Promise<HostJson> {
  return await server.json<HostJson>('hosts', 'show', name);
}

async function peerOf(host: SiteHost, name: string): Promise<string | undefined> {
  const { peers } = await host.json<Status>('status');
  return peers.find((peer) => peer.name === name)?.public_key;
}

async function pings(host: SiteHost, target: string): Promise<boolean> {
  return (await host.exec('ping', '-6', '-c', '1', '-W', '3', target)).code === 0;
}
