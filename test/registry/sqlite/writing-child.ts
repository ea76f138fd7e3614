// A process that writes to a registry file and says which writes were acknowledged, until it is
// killed. Not a test itself: sqlite-store.test.ts starts it.

import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { SqliteStore } from '../../../src/registry/sqlite/sqlite-store.ts';
import { ManualClock } from '../../fakes/manual-clock.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';

const [path = ''] = process.argv.slice(2);
const store = await SqliteStore.open(
  { clock: new ManualClock(), random: new SeededRandom(process.pid), logger: SILENT_LOGGER },
  { path },
);

/** Several at once, so that the kill meets waiting, running and finished ones. */
const WRITERS = 4;
let next = (await store.list(['k'])).entries.length;
await Promise.all(Array.from({ length: WRITERS }, write));

async function write(): Promise<void> {
  for (;;) {
    const number = next++;
    await store.transact({
      compares: [],
      writes: [
        { type: 'put', key: `k${number}/a`, value: `${number}` },
        { type: 'put', key: `k${number}/b`, value: `${number}` },
      ],
    });
    process.stdout.write(`${number}\n`);
  }
}
