// A device under a flood of initiations with a true mac1 from many sources: what it does for them,
// counted and not timed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REPLIES_PER_SECOND, REPLY_BURST } from '../../../src/device/admission/reply-budget.ts';
import { DeviceCounter } from '../../../src/device/counters.ts';
import { CookieGenerator } from '../../../src/wireguard/cookies.ts';
import type { Crypto } from '../../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';
import { DeviceNode } from '../../sim/device-node.ts';
import { PERFECT, type SimAddress, SimNetwork, writeEndpoint } from '../../sim/network.ts';

const FLOOD_PER_SECOND = 10_000;
const FLOOD_SECONDS = 1;
/** Of a handshake by the device's measure, and what it may take of the last 100 ms. */
const WORK_MS = 0.5;
const WORK_MS_MAX = 25;
const MESSAGES = 512;

test('a flood of true mac1 costs no curve multiplication once it is known as one', () => {
  const { node, network, counts } = floodedNode();
  flood(node, network, 0.1);
  const begun = counts.multiplications;
  assert.ok(begun > 0 && begun <= WORK_MS_MAX / WORK_MS + 1, `${begun} multiplications`);
  flood(node, network, FLOOD_SECONDS);
  assert.equal(counts.multiplications, begun);
});

test('a flood from many sources gets a bounded number of cookies', () => {
  const { node, network } = floodedNode();
  flood(node, network, FLOOD_SECONDS);
  const replies = node.count(DeviceCounter.SentCookieReply);
  const allowed = REPLY_BURST + REPLIES_PER_SECOND * FLOOD_SECONDS;
  assert.ok(replies > allowed - 50 && replies <= allowed, `${replies} replies`);
});

test('a flood of true mac1 costs one mac a message, and no more but for its cookies', () => {
  const { node, network, counts } = floodedNode();
  flood(node, network, 0.1);
  const before = { ...counts };
  const repliesBefore = node.count(DeviceCounter.SentCookieReply);
  flood(node, network, FLOOD_SECONDS);
  const replies = node.count(DeviceCounter.SentCookieReply) - repliesBefore;
  assert.ok(replies > 0);
  // A cookie is a mac of its own, and is sealed.
  assert.equal(counts.macs - before.macs, FLOOD_PER_SECOND * FLOOD_SECONDS + replies);
  assert.equal(counts.seals - before.seals, replies);
  assert.equal(counts.hashes, before.hashes);
});

test('a flood of wrong mac1 costs nothing but the mac', () => {
  const { node, network, counts } = floodedNode();
  const before = counts.macs;
  flood(node, network, FLOOD_SECONDS, (message) => {
    message[131]! ^= 1;
  });
  assert.equal(counts.multiplications, 0);
  assert.equal(counts.macs - before, FLOOD_PER_SECOND * FLOOD_SECONDS);
  assert.equal(node.count(DeviceCounter.SentCookieReply), 0);
});

test('a peer renews its session while a flood lasts', () => {
  const { node, network } = floodedNode();
  const other = new DeviceNode(network, { hostNumber: 1, address: address(2) });
  node.meet(other, { endpoint: address(2) });
  other.meet(node, { endpoint: address(1) });
  flood(node, network, 0.2);
  other.ping(node, 1);
  // The first try brings the cookie, the second one has it. A tenth of the flood is one still.
  for (let tenth = 0; tenth < 60; tenth++) {
    flood(node, network, 0.01);
    network.runFor(90);
  }
  assert.ok(other.pongs.has(1));
});

interface Counts {
  multiplications: number;
  macs: number;
  /** Of cookies. */
  seals: number;
  hashes: number;
}

function floodedNode(): { node: DeviceNode; network: SimNetwork; counts: Counts } {
  const counts: Counts = { multiplications: 0, macs: 0, seals: 0, hashes: 0 };
  const crypto: Crypto = {
    ...NOBLE_CRYPTO,
    diffieHellman: (...values) => {
      counts.multiplications += 1;
      return NOBLE_CRYPTO.diffieHellman(...values);
    },
    mac: (...values) => {
      counts.macs += 1;
      return NOBLE_CRYPTO.mac(...values);
    },
    xaeadSeal: (...values) => {
      counts.seals += 1;
      return NOBLE_CRYPTO.xaeadSeal(...values);
    },
    hash: (...values) => {
      counts.hashes += 1;
      return NOBLE_CRYPTO.hash(...values);
    },
  };
  const network = new SimNetwork(1, PERFECT);
  const options = { hostNumber: 0, address: address(1), handshakeWorkMs: WORK_MS, crypto };
  return { node: new DeviceNode(network, options), network, counts };
}

/** Each message from a source of its own. */
function flood(
  node: DeviceNode,
  network: SimNetwork,
  seconds: number,
  change: (message: Uint8Array) => void = () => undefined,
): void {
  const macs = new CookieGenerator(NOBLE_CRYPTO, node.publicKey);
  const messages = Array.from({ length: MESSAGES }, (_, n) => {
    const message = new Uint8Array(148).fill(n + 1);
    message.set([1, 0, 0, 0]);
    macs.addMacs(message, network.now);
    change(message);
    return message;
  });
  for (let n = 0; n < FLOOD_PER_SECOND * seconds; n++) {
    const from = writeEndpoint({ address: `198.51.${(n >> 8) & 0xff}.${n & 0xff}`, port: 7 });
    node.receive(Uint8Array.from(messages[n % MESSAGES]!), from, 0, network.now);
    if (n % (FLOOD_PER_SECOND / 1000) === 0) network.runFor(1);
  }
}

function address(last: number): SimAddress {
  return { address: `192.0.2.${last}`, port: 51_820 };
}
