// Joining: a kill -9 of either side leaves nothing behind that starting again does not repair, and
// an invite is for one host. The kills between each two steps are in test/long.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pair, testEnrolment, testFounder, testJoiner } from './joining-scene.ts';
import { Site, type SiteHost, SKIP_REASON } from './site.ts';

describe('joining', { skip: SKIP_REASON, timeout: 300_000, concurrency: 4 }, () => {
  testJoiner('joining-answered');
  testEnrolment('enrolment-recorded');
  testFounder('founding-recorded');

  test('with the token that was used before changes nothing', async (context) => {
    const { two, invite } = await pair(context);
    await two.start('--join', invite);
    await two.kill('SIGTERM');
    await two.start('--join', invite);
  });

  test('with another token is refused', async (context) => {
    const { one, two, invite } = await pair(context);
    await two.start('--join', invite);
    await two.kill('SIGTERM');
    assert.equal(await two.launch(['--join', await one.invite()]), 1);
    assert.match(two.log, /ALREADY_JOINED/);
  });

  test('takes a token from standard input and the region of the invite', async (context) => {
    const site = await Site.running(1, context);
    const [one] = site.hosts as [SiteHost];
    const { stdout } = await one.must('hosts', 'invite', '--region', 'nrt');
    const two = await site.addHost('two');
    await two.start({ input: stdout }, '--join', '-');
    const hosts = await one.json<{ region: string }[]>('hosts', 'list');
    assert.equal(hosts[1]?.region, 'nrt');
  });
});
