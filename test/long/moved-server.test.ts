// A server that is told of by its host name and moves to another address: a host that cannot be
// called finds it again, as it asks for the name anew when a whole cycle of handshakes has failed.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { must, Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

const HOST_ONE = 'fdaa:0:0:1::1';
const SERVER_NAME = 'server.p6n.test';
const MOVED = '192.0.2.77';
/** A cycle of handshakes is 90 s, and some; the next asking by itself comes after five minutes. */
const FOUND_LIMIT_MS = 150_000;

const options = { skip: SKIP_REASON, timeout: 300_000 };

test('a host behind a NAT finds a server again whose name has moved', options, async (t) => {
  const site = await Site.create(t);
  const one = await site.addHost('one');
  const two = await site.addHiddenHost('two');
  const nameServer = hostsFile(t, two);
  nameServer(one.underlay);
  await one.start({ endpoint: `${SERVER_NAME}:51820` });
  await two.join(one);
  await until('the host reaches the server', () => pings(two));
  await one.kill();
  const change = ['-n', one.namespace, 'address'];
  await must('ip', ...change, 'del', `${one.underlay}/24`, 'dev', 'eth0');
  await must('ip', ...change, 'add', `${MOVED}/24`, 'dev', 'eth0');
  await one.start({ endpoint: `${SERVER_NAME}:51820` });
  assert.equal(await pings(two), false, 'the server cannot call the host');
  nameServer(MOVED);
  await until('the host reaches it where it is now', () => pings(two), FOUND_LIMIT_MS);
  await until('the host follows it', async () => {
    const { registry } = await two.json<{ registry: { state: string } }>('status');
    return registry.state === 'following';
  });
});

/** Gives `host` an /etc/hosts of its own; the result says where the server is by it. */
function hostsFile(t: TestContext, host: SiteHost): (address: string) => void {
  const folder = join('/etc/netns', host.namespace);
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(folder, { recursive: true });
  // In place: the file is mounted over that of the machine.
  return (address) =>
    writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost\n${address} ${SERVER_NAME}\n`);
}

async function pings(host: SiteHost): Promise<boolean> {
  return (await host.exec('ping', '-6', '-c', '1', '-W', '1', HOST_ONE)).code === 0;
}
