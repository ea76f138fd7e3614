// What p6nd tells its service manager, and when.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { readServiceEnvironment, type ServiceEnvironment } from '../../src/daemon/config.ts';
import { ServiceLife } from '../../src/daemon/service-life.ts';

function lifeOf(environment: Partial<ServiceEnvironment> = {}): {
  readonly life: ServiceLife;
  readonly told: string[];
} {
  const told: string[] = [];
  const send = (socket: string, text: string): boolean => {
    assert.equal(socket, '/run/notify');
    return told.push(text) > 0;
  };
  const facts = { notifySocket: '/run/notify', watchdogMs: undefined, ...environment };
  return { life: new ServiceLife({ send, logger: SILENT_LOGGER }, facts), told };
}

test('ServiceLife says ready, reloading, ready and stopping', async () => {
  const { life, told } = lifeOf();
  life.ready(async () => undefined);
  await life.reloading(async () => assert.match(told.at(-1) ?? '', /^RELOADING=1\nMONOTONIC_/));
  life.stopping();
  assert.deepEqual(
    told.map((text) => text.split('\n')[0]),
    ['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1'],
  );
});

test('ServiceLife says nothing of a reload before it is ready', async () => {
  const { life, told } = lifeOf();
  await life.reloading(async () => undefined);
  assert.deepEqual(told, []);
});

test('ServiceLife feeds the watchdog while the check holds, else lets it bite', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const { life, told } = lifeOf({ watchdogMs: 1_000 });
  const answers: (() => void)[] = [];
  life.ready(() => new Promise((resolve) => answers.push(() => resolve(undefined))));
  context.mock.timers.tick(499);
  assert.equal(answers.length, 0);
  context.mock.timers.tick(1);
  context.mock.timers.tick(5_000);
  assert.equal(answers.length, 1, 'one check at a time');
  assert.deepEqual(told, ['READY=1']);
  answers[0]?.();
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(told, ['READY=1', 'WATCHDOG=1']);
});

test('ServiceLife is silent where no service manager listens', () => {
  const { life, told } = lifeOf({ notifySocket: undefined, watchdogMs: 10 });
  life.ready(() => assert.fail('nobody is checked'));
  life.stopping();
  assert.deepEqual(told, []);
});

test('readServiceEnvironment() takes a watchdog that is for this process', () => {
  const of = (environment: NodeJS.ProcessEnv) => readServiceEnvironment(environment).watchdogMs;
  assert.equal(of({ WATCHDOG_USEC: '30000000' }), 30_000);
  assert.equal(of({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) }), 30_000);
  assert.equal(of({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), undefined);
  assert.equal(of({ WATCHDOG_USEC: 'x' }), undefined);
  assert.equal(of({}), undefined);
});
