// How a machine that joins goes on asking: what may pass is asked again until its time is over, and
// what the server has decided is said at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Enrolled } from '../../src/api/contract/enrolment.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { type ErrorCode, P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { askEach } from '../../src/daemon/enrolment-tries.ts';
import type { EndpointAddress } from '../../src/device/config.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const [FIRST, SECOND] = [51820, 51821].map((port) => ({ port }) as EndpointAddress) as [
  EndpointAddress,
  EndpointAddress,
];
const ENROLLED = { name: 'two' } as Enrolled;
const LONG_MS = 60_000;

test('askEach() goes on behind an endpoint that says nothing', async () => {
  const { asked, join } = scene('SERVER_UNREACHABLE');
  assert.equal(await join(), ENROLLED);
  assert.deepEqual(asked, [FIRST, SECOND]);
});

for (const code of ['LIMIT_REACHED', 'CHANGED_MEANWHILE'] as const) {
  test(`askEach() asks again a server that has too much to do: ${code}`, async () => {
    const { asked, join } = scene(code);
    assert.equal(await join(), ENROLLED);
    assert.equal(asked.length, 2);
  });

  test(`askEach() says in the end what the server has answered: ${code}`, async () => {
    const { clock, join } = scene(code);
    await assert.rejects(join({ onAsk: () => clock.advance(LONG_MS) }), { code });
  });
}

test('askEach() says in the end that nobody answers, or that the invite is over', async () => {
  const silent = scene('SERVER_UNREACHABLE');
  const late = silent.join({ onAsk: () => silent.clock.advance(LONG_MS) });
  await assert.rejects(late, { code: 'SERVER_UNREACHABLE', message: /does not answer/ });
  const over = scene('SERVER_UNREACHABLE').join({ expiresAt: 0, candidates: [FIRST] });
  await assert.rejects(over, { code: 'INVITE_EXPIRED' });
});

test('askEach() asks nobody else after a refusal', async () => {
  const { asked, join } = scene('INVITE_USED');
  await assert.rejects(join(), { code: 'INVITE_USED' });
  assert.equal(asked.length, 1);
});

/** A server that says `code` to the first question, and enrols at the second. */
function scene(code: ErrorCode): {
  readonly asked: EndpointAddress[];
  readonly clock: ManualClock;
  readonly join: (options?: {
    readonly candidates?: readonly EndpointAddress[];
    readonly expiresAt?: number;
    readonly onAsk?: () => void;
  }) => Promise<Enrolled>;
} {
  const clock = new ManualClock();
  const asked: EndpointAddress[] = [];
  const join: ReturnType<typeof scene>['join'] = ({
    candidates = [FIRST, SECOND],
    expiresAt = Number.MAX_SAFE_INTEGER,
    onAsk = () => undefined,
  } = {}) =>
    askEach(
      candidates,
      { endpoints: ['192.0.2.1:51820'], expiresAt: expiresAt as WallMillis },
      {
        ...{ clock, random: new SeededRandom(1), logger: SILENT_LOGGER },
        signal: new AbortController().signal,
      },
      (endpoint) => {
        asked.push(endpoint);
        onAsk();
        if (asked.length === 2) return Promise.resolve(ENROLLED);
        return Promise.reject(new P6nError(code, 'Cannot enrol'));
      },
    );
  return { asked, clock, join };
}
