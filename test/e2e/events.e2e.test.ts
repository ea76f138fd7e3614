// Events and the audit on real hosts: a host's p6nctl follows the site through a server, and the
// server knows who changed what.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import type { AuditEntry, EventView } from '../../src/api/contract/events.ts';
import { P6NCTL, Site, type SiteHost, SKIP_REASON, until } from './site.ts';

test('events reach every host, and the audit says who', { skip: SKIP_REASON }, async (context) => {
  const site = await Site.running(2, context);
  const [one, two] = site.hosts as [SiteHost, SiteHost];
  const words = ['--socket', two.socket, '--json', 'events', '--follow'];
  const follower = spawn(P6NCTL, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  follower.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  context.after(() => follower.kill());
  const events = (): EventView[] =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as EventView);
  await until('the beginning of the feed', () => Promise.resolve(events().length > 0));
  const begin = events()[0]?.revision ?? '';
  await two.must('apps', 'create', 'web', '--network', 'blue');
  await one.must('organizations', 'create', 'acme');
  await until('both changes', () => Promise.resolve(events().length >= 3));
  const kinds = events().flatMap(({ objects }) => objects.map(({ id, kind }) => `${kind} ${id}`));
  assert.ok(kinds.includes('app web') && kinds.includes('organization acme'), output);
  assert.equal(begin.split('.').length, 2);

  const audit = async (): Promise<AuditEntry[]> => one.json<AuditEntry[]>('events', '--audit');
  await until('the audit', async () => (await audit()).at(-1)?.action.includes('acme') === true);
  const entries = await audit();
  const by = (action: string): unknown => entries.find((entry) => entry.action === action)?.by;
  assert.deepEqual(by('create app "web"'), { kind: 'host-operator', host_id: 0x1_0001 });
  assert.deepEqual(by('create organization "acme"'), { kind: 'operator' });
  const refused = await two.ctl('events', '--audit');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /NOT_A_SERVER|no server/);

  await one.must('site', 'set', '--host-operators-write', 'off');
  await until('the setting', () => Promise.resolve(/"kind":"site"/.test(output)));
  assert.deepEqual((await audit()).at(-1)?.by, { kind: 'operator' });
  const kept = await two.ctl('apps', 'create', 'db');
  assert.equal(kept.code, 1);
  assert.match(kept.stderr, /the site leaves it to its servers/);
  await one.must('apps', 'create', 'db');
  await one.must('site', 'set', '--host-operators-write', 'on');
  await two.must('apps', 'remove', 'db');

  const forgotten = await two.ctl('events', '--follow', '--since', 'another.7');
  assert.match(forgotten.stderr, /REVISION_FORGOTTEN|does not remember|another registry/);
});
