// The store in memory keeps to the port.

import { MemoryStore } from '../../../src/registry/memory/memory-store.ts';
import { testStore } from '../../conformance/store-suite.ts';
import { SeededRandom } from '../../fakes/seeded-random.ts';

testStore('MemoryStore', () => ({
  open: (clock, revisionsKept) =>
    Promise.resolve(new MemoryStore({ clock, random: new SeededRandom(1) }, { revisionsKept })),
  remove: () => Promise.resolve(),
}));
