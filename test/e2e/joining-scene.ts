// Joining with a kill -9 of either side right after one of its steps: starting again repairs it.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Step } from '../../src/daemon/steps.ts';
import { type LaunchOptions, Site, type SiteHost, until } from './site.ts';

interface HostJson {
  readonly id: number;
  readonly name: string;
  readonly role: string;
}

const KILL_AT = fileURLToPath(new URL('kill-at-step.js', import.meta.url));

/** Declares the test of a host that is killed while it joins. */
export function testJoiner(step: Step): void {
  test(`survives a kill -9 of the host after ${step}`, async (context) => {
    const { one, two, invite } = await pair(context);
    const killed = await two.launch(['--join', invite], killAt(step));
    assert.notEqual(killed, 0);
    await two.start('--join', invite);
    await joinedOnce(one, two);
  });
}

/** Declares the test of a server that is killed while it lets a host in. */
export function testEnrolment(step: Step): void {
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

/** Declares the test of a host that is killed while it founds a site. */
export function testFounder(step: Step): void {
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

/** A server, and a host with an invite that has not been started. */
export async function pair(
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
