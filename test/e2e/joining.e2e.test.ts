// Joining: what a kill -9 of either side between each two steps leaves behind is repaired by
// starting again, and a new host's packets reach the older ones at once.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Step } from '../../src/daemon/steps.ts';
import { type LaunchOptions, Site, type SiteHost, SKIP_REASON, until } from './site.ts';

interface HostJson {
  readonly id: number;
  readonly name: string;
  readonly role: string;
}

const KILL_AT = fileURLToPath(new URL('kill-at-step.js', import.meta.url));

const JOINER_STEPS: readonly Step[] = [
  'joining-drafted',
  'joining-tunnelled',
  'joining-answered',
  'joining-identified',
];
const SERVER_STEPS: readonly Step[] = [
  'enrolment-recorded',
  'enrolment-installed',
  'enrolment-finished',
];
const FOUNDER_STEPS: readonly Step[] = [
  'founding-drafted',
  'founding-recorded',
  'founding-identified',
];

describe('joining', { skip: SKIP_REASON, timeout: 300_000, concurrency: 4 }, () => {
  for (const step of JOINER_STEPS) {
    test(`survives a kill -9 of the host after ${step}`, async (context) => {
      const { one, two, invite } = await pair(context);
      const killed = await two.launch(['--join', invite], killAt(step));
      assert.notEqual(killed, 0);
      await two.start('--join', invite);
      await joinedOnce(one, two);
    });
  }

  for (const step of SERVER_STEPS) {
    test(`survives a kill -9 of the server after ${step}`, async (context) => {
      const { one, two, invite } = await pair(context);
      await one.kill('SIGTERM');
      const ended = one.launch([], killAt(step));
      await until('the server is back', () => one.answers());
      const joined = two.start('--join', invite);
      assert.notEqual(await ended, 0);
      await one.start();
      await joined;
      await joinedOnce(one, two);
    });
  }

  for (const step of FOUNDER_STEPS) {
    test(`of a founder survives a kill -9 after ${step}`, async (context) => {
      const site = await Site.create(context);
      const one = await site.addHost('one');
      assert.notEqual(await one.launch([], killAt(step)), 0);
      await one.start();
      const hosts = await one.json<HostJson[]>('hosts', 'list');
      assert.deepEqual(
        hosts.map(({ id, name, role }) => ({ id, name, role })),
        [{ id: 0x10000, name: 'one', role: 'server' }],
      );
    });
  }

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

async function pair(
  context: TestContext,
): Promise<{ one: SiteHost; two: SiteHost; invite: string }> {
  const site = await Site.running(1, context);
  const one = site.hosts[0] as SiteHost;
  return { one, two: await site.addHost('two'), invite: await one.invite() };
}

/** One host record for host two, with the next id, and packets between the hosts. */
async function joinedOnce(one: SiteHost, two: SiteHost): Promise<void> {
  const hosts = await one.json<HostJson[]>('hosts', 'list');
  assert.deepEqual(
    hosts.map(({ id, name }) => ({ id, name })),
    [
      { id: 0x10000, name: 'one' },
      { id: 0x10001, name: 'two' },
    ],
  );
  await until('the hosts reach each other', async () => {
    return (await two.exec('ping', '-6', '-c', '1', '-W', '1', 'fdaa::1:0:0:0:1')).code === 0;
  });
  await until('the invite is dropped', async () => {
    return (await one.json<unknown[]>('hosts', 'invites', 'list')).length === 0;
  });
}

/** Has p6nd killed by itself right after it published `step`. */
function killAt(step: Step): LaunchOptions {
  return { environment: { NODE_OPTIONS: `--import=${KILL_AT}`, KILL_AT_STEP: step } };
}
