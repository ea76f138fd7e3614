// A server that is killed in the middle of a write: loaded with a store that ends the process as
// kill
// -9 does around one of its transactions.
//
//   node writing-server.js FILE KIND before|during|after

import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { LinuxClock } from '../../src/os/linux/clock.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import { SqliteStore } from '../../src/registry/sqlite/sqlite-store.ts';
import type { Store } from '../../src/registry/store.ts';
import { Site } from '../fakes/site.ts';
import { WRITES } from './writes.ts';

const [path = '', kind = '', moment = ''] = process.argv.slice(2);
const store = await SqliteStore.open(
  { clock: new LinuxClock(), random: SYSTEM_RANDOM, logger: SILENT_LOGGER },
  { path },
);
let armed = false;
const deadly: Store = new Proxy(store, {
  get: (target, name) => {
    if (name === 'transact') {
      return async (...words: Parameters<Store['transact']>) => {
        if (!armed || words[0].writes.length === 0) return await target.transact(...words);
        if (moment === 'before') process.kill(process.pid, 'SIGKILL');
        const result = target.transact(...words);
        if (moment === 'during') process.kill(process.pid, 'SIGKILL');
        await result;
        process.kill(process.pid, 'SIGKILL');
        return await result;
      };
    }
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  },
});
const site = new Site({ store: deadly, keysBefore: 1_000 });
const write = WRITES[kind];
if (write === undefined) throw new Error(`there is no write ${kind}`);
armed = true;
await write.run(site);
