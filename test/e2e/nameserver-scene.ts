// Runs in a network namespace of its own (nameserver.test.ts makes it): a name server on fdaa::3
// and on a network's server address, asked from addresses of two networks.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { promisify } from 'node:util';
import type { Clock, Millis, WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import { Nameserver } from '../../src/nameserver/nameserver.ts';
import { ZONE } from '../dns/dns-messages.ts';
import { UNBOUND_DEVICE_SOCKETS } from '../fakes/device-sockets.ts';
import { addressReply, FakeUpstream } from '../fakes/fake-upstream.ts';

const SERVER = 'fdaa::3' as Ipv6Address;
const RED_SERVER = 'fdaa:1:1111::3' as Ipv6Address;
const RED_INSTANCE = 'fdaa:1:1111:1:1:1:a1:2';
const RED_PEER = 'fdaa:1:1111:1:1:0:a:1';
const BLUE_INSTANCE = 'fdaa:2:2222:1:1:1:b1:2';
const HOST = 'fdaa::1:1:0:0:1';
const STRANGER = 'fd00::1';

const CLOCK: Clock = {
  now: () => performance.now() as Millis,
  wallNow: () => Date.now() as WallMillis,
};

execFileSync('ip', ['link', 'set', 'lo', 'up']);
for (const address of [SERVER, RED_SERVER, RED_INSTANCE, RED_PEER, BLUE_INSTANCE, HOST, STRANGER]) {
  execFileSync('ip', ['-6', 'address', 'add', `${address}/128`, 'dev', 'lo', 'nodad']);
}

const upstream = await FakeUpstream.start((asked) => addressReply(asked));
const nameserver = makeNameserver();
nameserver.setUpstreams([upstream.upstream]);
await nameserver.setListeners([SERVER, RED_SERVER]);

for (const transport of ['+notcp', '+tcp']) {
  const ask = (source: string, server: string, question: string): Promise<string> =>
    dig(source, server, `${question} ${transport}`);
  nameserver.setZone({ networks: new Map() });
  assert.match(await ask(RED_INSTANCE, SERVER, 'AAAA web.internal'), /SERVFAIL/);
  nameserver.setZone(ZONE);
  for (const server of [SERVER, RED_SERVER]) {
    for (const source of [RED_INSTANCE, RED_PEER]) {
      assert.match(await ask(source, server, 'AAAA web.internal'), /ANSWER: 3/);
      assert.match(await ask(source, server, 'AAAA secret.internal'), /NXDOMAIN/);
    }
  }
  assert.match(await ask(BLUE_INSTANCE, SERVER, 'AAAA secret.internal'), /ANSWER: 1/);
  assert.match(await ask(BLUE_INSTANCE, SERVER, 'AAAA web.internal'), /NXDOMAIN/);
  assert.match(await ask(BLUE_INSTANCE, RED_SERVER, 'AAAA web.internal'), /REFUSED/);
  assert.match(await ask(BLUE_INSTANCE, RED_SERVER, 'A example.com'), /REFUSED/);
  assert.match(await ask(RED_INSTANCE, SERVER, 'A example.com'), /192\.0\.2\.1/);
  assert.match(await ask(HOST, SERVER, 'AAAA web.internal'), /NXDOMAIN/);
  assert.match(await ask(RED_SERVER, RED_SERVER, 'AAAA web.internal'), /ANSWER: 3/);
  assert.match(await ask(STRANGER, SERVER, 'AAAA web.internal'), /no servers could be reached/);
}
assert.ok((nameserver.counters()['foreignSources'] ?? 0) >= 2);
assert.equal(upstream.asked.length, 1);

await nameserver.setListeners([SERVER]);
assert.match(await dig(RED_INSTANCE, RED_SERVER, 'AAAA web.internal'), /no servers/);
assert.match(await dig(RED_INSTANCE, SERVER, 'AAAA web.internal'), /ANSWER: 3/);
await nameserver.setListeners([SERVER, RED_SERVER]);
assert.match(await dig(RED_INSTANCE, RED_SERVER, 'AAAA web.internal'), /ANSWER: 3/);

const absent = 'fdaa:9:9999::3' as Ipv6Address;
const failed = nameserver.setListeners([absent, SERVER, RED_SERVER]);
await assert.rejects(failed, hasCode('SYSTEM'));
await assert.rejects(makeNameserver().setListeners([SERVER]), hasCode('PORT_TAKEN'));
assert.match(await dig(RED_INSTANCE, SERVER, 'AAAA web.internal'), /ANSWER: 3/);

await nameserver.stop();
await upstream.stop();
process.stdout.write('all is well\n');

function makeNameserver(): Nameserver {
  return new Nameserver({
    sockets: UNBOUND_DEVICE_SOCKETS,
    clock: CLOCK,
    logger: SILENT_LOGGER,
    random: { fill: (bytes) => void randomFillSync(bytes) },
  });
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof P6nError && error.code === code;
}

async function dig(source: string, server: string, args: string): Promise<string> {
  const command = [`@${server}`, '-b', source, '+tries=1', '+time=5', ...args.split(' ')];
  // dig ends with 9 when no server answers.
  const { stdout } = await promisify(execFile)('dig', command).catch((error) => error);
  return stdout as string;
}
