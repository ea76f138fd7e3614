// The book of sessions on a real file system: what it keeps, and what it makes of a damaged file.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { WallMillis } from '../../src/base/clock.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { readRecentPeers, SessionBook } from '../../src/dataplane/session-book.ts';

const NOW = 1_000_000;

test('SessionBook keeps the peers of live sessions, the latest first', async (t) => {
  const path = await bookPath(t);
  const peers = [
    peer('old', NOW - 180_000),
    peer('early', NOW - 100_000),
    peer('late', NOW - 1),
    peer('none', undefined),
  ];
  const dependencies = { wallNow: () => NOW, logger: SILENT_LOGGER };
  const book = new SessionBook(path, { ...dependencies, peers: () => Promise.resolve(peers) });
  book.note();
  await book.stop();
  const endpoint = { address: '192.0.2.1', port: 51_820 };
  assert.deepEqual(await readRecentPeers(path), [
    { publicKey: 'late', endpoint },
    { publicKey: 'early', endpoint },
  ]);
});

test('readRecentPeers() makes nothing of a file that is cut off anywhere', async (t) => {
  const path = await bookPath(t);
  assert.deepEqual(await readRecentPeers(path), []);
  const good = { publicKey: 'a', endpoint: { address: '192.0.2.1', port: 1 } };
  const bad = [
    { publicKey: 'b', endpoint: { address: 'nowhere', port: 1 } },
    { publicKey: 'c' },
    7,
  ];
  await writeFile(path, JSON.stringify({ version: 1, peers: [good, ...bad] }));
  assert.deepEqual(await readRecentPeers(path), [good]);
  const text = await readFile(path, 'utf8');
  for (let length = 0; length < text.length; length += 1) {
    await writeFile(path, text.slice(0, length));
    assert.deepEqual(await readRecentPeers(path), []);
  }
});

async function bookPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'p6n-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'sessions.json');
}

function peer(publicKey: string, lastHandshakeAt: number | undefined) {
  return {
    publicKey,
    endpoint: { address: '192.0.2.1', port: 51_820 },
    lastHandshakeAt: lastHandshakeAt as WallMillis | undefined,
    receivedBytes: 0,
    sentBytes: 0,
    pathMtu: undefined,
  };
}
