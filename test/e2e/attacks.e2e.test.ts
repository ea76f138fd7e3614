// Those who are inside and want more: another user of a host, a host that writes what is of others,
// an instance. Each is refused by the server or before, and what was refused is counted.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Site, type SiteHost, SKIP_REASON } from './site.ts';

const SERVER = 'fdaa:0:0:1::1';
const NOBODY = 65_534;
/** Writes the status of a request to a server, or why there is none. */
const ASK = `
  const [user, secret, method, path, body] = process.argv.slice(1);
  if (user !== '0') { process.setgroups([]); process.setgid(+user); process.setuid(+user); }
  const headers = body === '' ? {} : { 'content-type': 'application/json' };
  if (secret !== '') headers.authorization = 'Bearer ' + secret;
  const options = { host: '${SERVER}', port: 6600, method, path, headers, timeout: 1500 };
  const request = require('node:http').request(options, (answer) => {
    console.log(answer.statusCode);
    process.exit();
  });
  request.on('timeout', () => request.destroy(new Error('silence')));
  request.on('error', (error) => console.log(error.code ?? error.message));
  request.end(body === '' ? undefined : body);`;

describe('somebody inside', { skip: SKIP_REASON, timeout: 120_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;
  let secret: string;

  before(async () => {
    site = await Site.running(2);
    [one, two] = site.hosts as [SiteHost, SiteHost];
    const identity = readFileSync(join(two.stateDir, 'identity.json'), 'utf8');
    secret = (JSON.parse(identity) as { secret: string }).secret;
    await one.must('apps', 'create', 'web');
    await one.must('instances', 'run', '--app', 'web', '--detach', '--', 'sleep', '600');
  });
  after(() => site.remove());

  test('another user of a host gets nothing from a server', async () => {
    assert.equal(await ask(two, { user: 0, secret, path: '/v1/hosts' }), '200');
    assert.equal(await ask(two, { user: NOBODY, secret: '', path: '/v1/hosts' }), '403');
    assert.equal(await ask(two, { user: NOBODY, secret: 'guessed', path: '/v1/follow' }), '403');
    const read = `process.setuid(${NOBODY}); require('fs').readFileSync(process.argv[1])`;
    const file = join(two.stateDir, 'identity.json');
    assert.notEqual((await two.exec(process.execPath, '-e', read, file)).code, 0);
  });

  test('a host writes nothing of another one, and removes none', async () => {
    const before = await one.json<Record<string, unknown>[]>('instances', 'list');
    const [instance = {}] = before;
    const record = {
      ...{
        kind: 'instance',
        machineId: instance['id'],
        app: 'web',
        network: instance['network_id'],
      },
      ...{ host: instance['host_id'], instanceId: 0x1_0000, address: instance['address'] },
      ...{ name: 'mine', group: 'app', region: 'ams', metadata: {}, state: 'stopped' },
      ...{ createdAt: 1, updatedAt: 2 },
    };
    const path = `/v1/self/instances/${instance['id']}`;
    const body = JSON.stringify(record);
    assert.equal(await ask(two, { user: 0, secret, method: 'PUT', path, body }), '403');
    assert.equal(await ask(two, { user: 0, secret, method: 'DELETE', path }), '403');
    for (const [method, forbidden] of [
      ['DELETE', '/v1/hosts/one'],
      ['DELETE', '/v1/hosts/two'],
      ['POST', '/v1/hosts/one/drain'],
      ['POST', '/v1/site/rotate'],
      ['POST', '/v1/invites'],
    ] as const) {
      const words = { user: 0, secret, method, path: forbidden };
      assert.equal(await ask(two, words), '403', forbidden);
    }
    assert.deepEqual(await one.json('instances', 'list'), before);
    const { drops } = await one.json<{ drops: Record<string, number> }>('status');
    assert.equal(drops['requests-refused'], 9);
    assert.match(one.log, /request refused/);
  });

  test('an instance reaches no server', async () => {
    const script = ['-e', ASK, '0', secret, 'GET', '/v1/hosts', ''];
    const words = ['instances', 'run', '--app', 'web', '--', process.execPath, ...script];
    const { stdout } = await two.ctl(...words);
    assert.match(stdout, /EACCES|EHOSTUNREACH|ENETUNREACH|EPERM|ECONNREFUSED|silence/);
  });
});

/** The status of what a server answers to a program on `host`, or why there is none. */
async function ask(
  host: SiteHost,
  request: {
    readonly user: number;
    readonly secret: string;
    readonly path: string;
    readonly method?: string;
    readonly body?: string;
  },
): Promise<string> {
  const { user, secret, method = 'GET', path, body = '' } = request;
  const words = ['-e', ASK, String(user), secret, method, path, body];
  return (await host.exec(process.execPath, ...words)).stdout.trim();
}
