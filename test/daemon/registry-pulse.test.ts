// Since when the registry of a server does not answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RegistryPulse, SILENCE_MAX_MS } from '../../src/daemon/registry-pulse.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

test('RegistryPulse says since when there is no answer, and nothing while there is', async () => {
  const clock = new ManualClock();
  const pulse = new RegistryPulse(clock);
  clock.advance(SILENCE_MAX_MS);
  assert.equal(pulse.awaySince(), undefined);
  assert.equal(await pulse.feel(Promise.resolve(7)), 7);
  const answeredAt = clock.wallNow();
  clock.advance(SILENCE_MAX_MS);
  await assert.rejects(pulse.feel(Promise.reject(new Error('away'))), /away/);
  assert.equal(pulse.awaySince(), undefined);
  clock.advance(1);
  assert.equal(pulse.awaySince(), answeredAt);
  await pulse.feel(Promise.resolve());
  assert.equal(pulse.awaySince(), undefined);
});
