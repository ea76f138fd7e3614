// Somebody with a good token who floods the server's enrolment: what it takes is bounded, and
// others are served.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InviteTunnel } from '../e2e/invite-tunnel.ts';
import { Site, type SiteHost, SKIP_REASON, until } from '../e2e/site.ts';

const SERVER = 'fdaa:0:0:1::1';
const CONNECTIONS = 200;
const REFUSED_WANTED = 200;
/** More than a server grows by while it is asked so, MiB. */
const GROWTH_MAX_MIB = 64;
/** Asks on many connections at once, again and again, and says what became of it when it ends. */
const FLOOD = `
  const { request } = require('node:http');
  const outcomes = {};
  const note = (outcome) => { outcomes[outcome] = (outcomes[outcome] ?? 0) + 1; };
  const body = JSON.stringify({ public_key: 'A'.repeat(60000), name: 'evil', endpoints: [] });
  const headers = { 'content-type': 'application/json' };
  const options = { host: '${SERVER}', port: 6601, method: 'POST', path: '/v1/enrol', headers };
  const ask = () => {
    const one = request({ ...options, agent: false, timeout: 2000 }, (answer) => {
      note(answer.statusCode);
      answer.resume();
    });
    one.on('timeout', () => one.destroy());
    one.on('error', (error) => note(error.code ?? 'error'));
    one.on('close', () => setTimeout(ask, 1));
    one.end(body);
  };
  for (let n = 0; n < ${CONNECTIONS}; n += 1) ask();
  setInterval(() => process.stdout.write(JSON.stringify(outcomes) + '\\n'), 200);`;

test('a flood of enrolments is bounded, and others are served', {
  skip: SKIP_REASON,
  timeout: 180_000,
}, async (context) => {
  const site = await Site.running(2, context);
  const [one, two] = site.hosts as [SiteHost, SiteHost];
  const evil = await site.addHost('evil');
  const tunnel = await InviteTunnel.open(evil, await one.invite());
  context.after(() => tunnel.close());
  const before = residentMib(one);
  const words = ['netns', 'exec', evil.namespace, process.execPath, '-e', FLOOD];
  const flood = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => flood.kill('SIGKILL'));
  let outcomes: Readonly<Record<string, number>> = {};
  flood.stdout.on('data', (data: Buffer) => {
    const line = data.toString().trimEnd().split('\n').at(-1);
    if (line?.startsWith('{') === true && line.endsWith('}')) outcomes = JSON.parse(line);
  });
  await until('the flood is refused', () => {
    const refused = Object.entries(outcomes).filter(([outcome]) => !/^2/.test(outcome));
    return Promise.resolve(refused.reduce((sum, [, count]) => sum + count, 0) >= REFUSED_WANTED);
  });

  const three = await site.addHost('three');
  await three.join(one);
  await two.must('networks', 'create', 'meanwhile');
  await until('the new host is reached', async () => {
    const ping = ['ping', '-6', '-c', '1', '-W', '1', 'fdaa:0:0:1:2::1'];
    return (await two.exec(...ping)).code === 0;
  });
  const names = (await one.json<{ name: string }[]>('hosts', 'list')).map(({ name }) => name);
  assert.deepEqual(names, ['one', 'two', 'three']);
  assert.ok(residentMib(one) - before < GROWTH_MAX_MIB);
  assert.equal(outcomes['200'] ?? outcomes['201'], undefined);
  flood.kill('SIGKILL');
  await once(flood, 'exit');
  context.diagnostic(`${JSON.stringify(outcomes)}, ${residentMib(one) - before} MiB more`);
});

/** What p6nd of a host has in memory. */
function residentMib(host: SiteHost): number {
  const status = readFileSync(`/proc/${host.pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1_024);
}
