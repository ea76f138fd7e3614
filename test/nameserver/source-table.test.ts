// Which addresses may ask, as what network, and how much.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SourceLimits, SourceTable } from '../../src/nameserver/source-table.ts';
import { ManualClock } from '../fakes/manual-clock.ts';

const LIMITS: SourceLimits = { sourcesMax: 3, questionsPerSecond: 10, questionsAtOnce: 2 };

const SOURCES: readonly (readonly [what: string, address: string, network: number | undefined])[] =
  [
    ['an instance', 'fdaa:1:1111:1:1:1:a1:2', 0x11111],
    ['another slot of an instance', 'fdaa:1:1111:1:1:1:a1:ffff', 0x11111],
    ['a WireGuard peer', 'fdaa:1:1111:1:1:0:a:7', 0x11111],
    ['the presence of a host', 'fdaa:1:1111:1:1:0:0:1', 0x11111],
    ['a host', 'fdaa::1:1:0:0:1', 0],
    ['the host by its server address', 'fdaa:1:1111::3', 0x11111],
    ['an invite', 'fdaa::1:1:0:a:7', undefined],
    ['a service address', 'fdaa:1:1111:0:1::7', undefined],
    ['a network that cannot be', 'fdaa:0:5:1:1:1:a1:2', undefined],
    ['an address of no plan', 'fdab:1:1111:1:1:1:a1:2', undefined],
    ['a neighbour on the LAN', 'fe80::1%eth0', undefined],
    ['loopback', '::1', undefined],
    ['IPv4', '192.0.2.1', undefined],
    ['nothing', '', undefined],
  ];

for (const [what, address, network] of SOURCES) {
  test(`SourceTable.find() knows the network of ${what}`, () => {
    const clock = new ManualClock();
    assert.equal(new SourceTable(LIMITS).find(address, clock.now())?.network, network);
  });
}

test('SourceTable.find() knows the own address of who asks', () => {
  const table = new SourceTable({ ...LIMITS, sourcesMax: 9 });
  for (const [address, own] of [
    ['fdaa:1:1111:1:1:1:a1:2', 'fdaa:1:1111:1:1:1:a1:2'],
    ['fdaa:1:1111:1:1:1:a2:ffff', 'fdaa:1:1111:1:1:1:a2:2'],
    ['fdaa:1:1111:1:1:0:a:7', 'fdaa:1:1111:1:1:0:a:7'],
    ['fdaa:1:1111:1:1:0:0:1', 'fdaa:1:1111:1:1::1'],
    ['fdaa:1:1111::3', undefined],
  ]) {
    assert.equal(table.find(address!, new ManualClock().now())?.self?.address, own, address);
  }
});

test('SourceTable.takeQuestion() gives each owner its share, and the share again with time', () => {
  const clock = new ManualClock();
  const table = new SourceTable(LIMITS);
  const take = (address: string): boolean =>
    table.takeQuestion(table.find(address, clock.now())!, clock.now());
  // All addresses of an instance use one share.
  assert.equal(take('fdaa:1:1111:1:1:1:a1:2'), true);
  assert.equal(take('fdaa:1:1111:1:1:1:a1:3'), true);
  assert.equal(take('fdaa:1:1111:1:1:1:a1:4'), false);
  assert.equal(take('fdaa:1:1111:1:1:1:a2:2'), true);
  clock.advance(99);
  assert.equal(take('fdaa:1:1111:1:1:1:a1:2'), false);
  clock.advance(1);
  assert.equal(take('fdaa:1:1111:1:1:1:a1:2'), true);
  clock.advance(60_000);
  const taken = [1, 2, 3].map(() => take('fdaa:1:1111:1:1:1:a1:2'));
  assert.deepEqual(taken, [true, true, false]);
});

test('SourceTable.chargeAnswer() makes a long answer as dear as the datagrams it is worth', () => {
  const clock = new ManualClock();
  const table = new SourceTable({ ...LIMITS, questionsAtOnce: 10 });
  const source = table.find('fdaa:1:1111:1:1:1:a1:2', clock.now())!;
  const take = (): boolean => table.takeQuestion(source, clock.now());
  take();
  table.chargeAnswer(source, 1232);
  assert.equal(source.tokens, 9);
  table.chargeAnswer(source, 28_000);
  assert.equal(source.tokens, -13);
  assert.equal(take(), false);
  clock.advance(1400);
  assert.equal(take(), true);
});

test('SourceTable.find() remembers a bounded number of owners', () => {
  const clock = new ManualClock();
  const table = new SourceTable(LIMITS);
  const first = table.find('fdaa:1:1111:1:1:1:1:2', clock.now());
  assert.equal(table.find('fdaa:1:1111:1:1:1:1:2', clock.now()), first);
  for (const n of [2, 3, 4]) table.find(`fdaa:1:1111:1:1:1:${n}:2`, clock.now());
  assert.notEqual(table.find('fdaa:1:1111:1:1:1:1:2', clock.now()), first);
});
