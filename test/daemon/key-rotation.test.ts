// A host that changes its own key: whom it waits for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBase64 } from '../../src/base/bytes.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Identity } from '../../src/daemon/identity.ts';
import { IdentityKeeper } from '../../src/daemon/identity-keeper.ts';
import { KeyRotation } from '../../src/daemon/key-rotation.ts';
import type { HostSelf } from '../../src/daemon/site-access.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

test('rotate() waits for a host that is not ready, until it is told not to', async (t) => {
  const { rotation, asked, keeper, switched } = scene();
  t.after(() => rotation.stop());
  const { privateKey } = keeper.current;
  const waiting = rotation.rotate({ force: false });
  await asked;
  assert.equal(keeper.current.privateKey, privateKey);
  await Promise.all([waiting, rotation.rotate({ force: true })]);
  assert.notEqual(keeper.current.privateKey, privateKey);
  assert.equal(keeper.current.nextPrivateKey, undefined);
  assert.equal(switched.length, 1);
});

test('rotate() by force that could not begin forces no later one', async (t) => {
  const { rotation, asked, keeper } = scene({}, new ManualClock(), failingOnce());
  t.after(() => rotation.stop());
  const { privateKey } = keeper.current;
  await assert.rejects(rotation.rotate({ force: true }), /Cannot reach/);
  const later = rotation.rotate({ force: false });
  await asked;
  assert.equal(keeper.current.privateKey, privateKey);
  await Promise.all([later, rotation.rotate({ force: true })]);
});

test('rotate() tries again what the environment refuses', async (t) => {
  const { rotation, keeper } = scene({
    publishNextKey: failingOnce(),
    nextKeyState: () => Promise.resolve({ ready: true, missing: [] }),
  });
  t.after(() => rotation.stop());
  const { privateKey } = keeper.current;
  await rotation.rotate({ force: false });
  assert.notEqual(keeper.current.privateKey, privateKey);
});

test('rotate() is given up when a host is not ready for long, and says which', async (t) => {
  const clock = new ManualClock();
  const withdrawals: number[] = [];
  const { rotation, keeper, switched } = scene(
    {
      nextKeyState: () => {
        clock.advance(20_000);
        return Promise.resolve({ ready: false, missing: [0x1_0001] });
      },
      withdrawNextKey: () => {
        withdrawals.push(clock.now());
        // The next key is kept until no server has it.
        assert.notEqual(keeper.current.nextPrivateKey, undefined);
        if (withdrawals.length > 1) return Promise.resolve();
        assert.deepEqual(rotation.waiting?.missing, ['host 10001']);
        return Promise.reject(new P6nError('SERVER_UNREACHABLE', 'Cannot reach the server'));
      },
    },
    clock,
  );
  t.after(() => rotation.stop());
  const { privateKey } = keeper.current;
  const attempt = rotation.rotate({ force: false });
  await assert.rejects(attempt, { code: 'HOSTS_NOT_READY', message: /"host 10001"/ });
  assert.equal(withdrawals.length, 2);
  assert.equal(keeper.current.privateKey, privateKey);
  assert.equal(keeper.current.nextPrivateKey, undefined);
  assert.equal(rotation.waiting, undefined);
  assert.deepEqual(switched, []);
});

interface Scene {
  readonly rotation: KeyRotation;
  readonly keeper: IdentityKeeper;
  /** Resolves when a server was asked whether all are ready. */
  readonly asked: Promise<void>;
  readonly switched: string[];
}

function scene(
  overrides: Partial<HostSelf> = {},
  clock = new ManualClock(),
  write = () => Promise.resolve(),
): Scene {
  const switched: string[] = [];
  let noteAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    noteAsked = resolve;
  });
  const self: Partial<HostSelf> = {
    publishNextKey: () => Promise.resolve(),
    nextKeyState: () => {
      noteAsked();
      return Promise.resolve({ ready: false, missing: [0x1_0001] });
    },
    switchKey: ({ public_key: key }) => Promise.resolve(void switched.push(key)),
    ...overrides,
  };
  const identity = { privateKey: toBase64(new Uint8Array(32).fill(7)) };
  const keeper = new IdentityKeeper({ write }, identity as Identity);
  const rotation = new KeyRotation({
    keeper,
    self: self as HostSelf,
    record: () => undefined,
    nameOf: (id) => `host ${id.toString(16)}`,
    useKey: () => Promise.resolve(),
    peers: () => Promise.resolve([]),
    crypto: NOBLE_CRYPTO,
    clock,
    random: new SeededRandom(1),
    logger: SILENT_LOGGER,
  });
  return { rotation, keeper, asked, switched };
}

function failingOnce(): () => Promise<void> {
  let hasFailed = false;
  return () => {
    if (hasFailed) return Promise.resolve();
    hasFailed = true;
    return Promise.reject(new P6nError('SERVER_UNREACHABLE', 'Cannot reach the server'));
  };
}
