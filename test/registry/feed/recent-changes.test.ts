// What is kept of the past, and how much of it is read for that.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkId } from '../../../src/addressing/ids.ts';
import { Broadcast } from '../../../src/registry/feed/broadcast.ts';
import { appKey } from '../../../src/registry/keys.ts';
import { VALUE_BYTES_MAX } from '../../../src/registry/store.ts';
import { Site } from '../../fakes/site.ts';

/** More than is kept of records as large as they may be. */
const CHANGES = 80;

test('RecentChanges reads no more of the past than it keeps', async (t) => {
  const site = new Site();
  await site.start();
  const { store } = site;
  const { revision: number } = await store.list([]);
  const large = { key: appKey(0xff00 as NetworkId, 'large'), value: 'x'.repeat(VALUE_BYTES_MAX) };
  const change = { compares: [], writes: [{ type: 'put' as const, ...large }] };
  for (let n = 0; n < CHANGES; n++) await store.transact(change);
  let read = 0;
  const watch = store.watch.bind(store);
  t.mock.method(store, 'watch', async function* (...words: Parameters<typeof watch>) {
    for await (const revision of watch(...words)) {
      read += 1;
      yield revision;
    }
  });
  const after = { incarnation: store.incarnation, number };
  const following = new Broadcast(store).follow(new Set(), after, new AbortController().signal);
  for await (const lines of following) {
    assert.match(Buffer.from(lines).toString(), /"reset"/);
    break;
  }
  assert.ok(read > 0 && read < CHANGES, `${read} revisions`);
});
