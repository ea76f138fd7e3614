// The limit of cookie replies, alone and in a device under a flood.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  REPLIES_PER_SECOND,
  REPLY_BURST,
  ReplyBudget,
} from '../../../src/device/admission/reply-budget.ts';
import { DeviceCounter } from '../../../src/device/counters.ts';
import { CookieGenerator } from '../../../src/wireguard/cookies.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';
import { DeviceNode } from '../../sim/device-node.ts';
import { PERFECT, SimNetwork, writeEndpoint } from '../../sim/network.ts';

const WORK_MS = 30;

test('ReplyBudget gives a burst, then its rate', () => {
  const budget = new ReplyBudget();
  const take = (now: number, tries: number): number => {
    let taken = 0;
    for (let n = 0; n < tries; n++) if (budget.take(now as never)) taken += 1;
    return taken;
  };
  assert.equal(take(0, 2 * REPLY_BURST), REPLY_BURST);
  assert.equal(take(100, REPLY_BURST), REPLIES_PER_SECOND / 10);
  assert.equal(take(3_600_000, 2 * REPLY_BURST), REPLY_BURST, 'it does not save up more');
  assert.equal(take(0, 1), 0, 'nor is it fooled by time that goes back');
});

test('Device under a flood answers with so many cookies and no more', () => {
  const network = new SimNetwork(1, PERFECT);
  const node = new DeviceNode(network, {
    hostNumber: 0,
    address: { address: '192.0.2.1', port: 1 },
    handshakeWorkMs: WORK_MS,
  });
  const macs = new CookieGenerator(NOBLE_CRYPTO, node.publicKey);
  const flood = 2 * REPLY_BURST;
  for (let n = 0; n < flood; n++) {
    const message = new Uint8Array(148).fill(n & 0xff);
    message.set([1, 0, 0, 0]);
    macs.addMacs(message, network.now);
    const from = writeEndpoint({ address: `198.51.${n >> 8}.${n & 0xff}`, port: 7 });
    node.receive(message, from, 0, network.now);
  }
  assert.equal(node.count(DeviceCounter.SentCookieReply), REPLY_BURST);
  assert.equal(
    node.count(DeviceCounter.DropUnderLoad) + node.count(DeviceCounter.DropInitiationInvalid),
    flood,
  );
});
