// The API with tokens on a real host: from inside a network at _api.internal, on loopback, and no
// more once a token is revoked.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Outcome, Site, type SiteHost, SKIP_REASON, until } from './site.ts';

/** Asks for the URL in argv with the token in the environment; prints status and body. */
const ASK = `
const { request } = require('node:http');
const [, url] = process.argv;
const headers = process.env.TOKEN ? { authorization: 'Bearer ' + process.env.TOKEN } : {};
request(url, { headers }, (answer) => {
  let text = '';
  answer.on('data', (data) => { text += data; });
  answer.on('end', () => console.log(answer.statusCode, text));
}).on('error', (error) => console.log(0, error.code)).end();
`;

test('an instance asks the API at _api.internal, as far as its token and network go', {
  skip: SKIP_REASON,
}, async (t) => {
  const site = await Site.create(t);
  const host = await site.addHost('one');
  await host.start('--api', '127.0.0.1:4280');
  await host.must('apps', 'create', 'web', '--network', 'blue');
  await host.must('apps', 'create', 'shop', '--network', 'green');
  const file = join(site.folder, 'token');
  await host.must('tokens', 'create', '--organization', 'default', '--output', file);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const token = readFileSync(file, 'utf8').trim();

  const nobody = await inside(host, '/v1/apps/web');
  assert.match(nobody, /^401 .*"code":"TOKEN_REFUSED"/);
  assert.match(await inside(host, '/'), /^404 /);
  assert.match(await inside(host, '/v1/apps/web', token), /^200 .*"network":"blue"/);
  assert.match(await inside(host, '/v1/apps/shop', token), /^403 /);
  assert.match(await inside(host, '/v1/hosts', token), /^403 /);
  // fdaa::3 is for names alone.
  const { stdout } = await instance(host, ['http://[fdaa::3]:4280/'], '');
  assert.match(stdout, /^0 /);

  const outside = (path: string, shown: string): Promise<Outcome> =>
    host.exec('env', `TOKEN=${shown}`, process.execPath, '-e', ASK, `http://127.0.0.1:4280${path}`);
  assert.match((await outside('/v1/apps/shop', token)).stdout, /^200 /);
  const narrow = await host.must('tokens', 'narrow', '--file', file, '--app', 'web');
  assert.match((await outside('/v1/apps/web', narrow.stdout.trim())).stdout, /^200 /);
  assert.match((await outside('/v1/apps/shop', narrow.stdout.trim())).stdout, /^403 /);
  const [{ id } = assert.fail()] = await host.json<{ id: string }[]>('tokens', 'list');
  await host.must('tokens', 'revoke', id);
  await until('the revocation', async () =>
    (await outside('/v1/apps/web', narrow.stdout.trim())).stdout.startsWith('401 '),
  );
  assert.doesNotMatch(host.log, /p6nt_/);
});

async function inside(host: SiteHost, path: string, token = ''): Promise<string> {
  return (await instance(host, [`http://_api.internal:4280${path}`], token)).stdout;
}

/** An instance of app web that asks for the URL; its output. */
function instance(host: SiteHost, words: readonly string[], token: string): Promise<Outcome> {
  const command = ['env', `TOKEN=${token}`, process.execPath, '-e', ASK, ...words];
  return host.ctl('instances', 'run', '--app', 'web', '--rm', '--', ...command);
}
