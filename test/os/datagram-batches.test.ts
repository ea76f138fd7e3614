// Questions and answers in batches, between real sockets on ::1.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { type DatagramAnswer, DatagramBatches } from '../../src/os/linux/udp/datagram-batches.ts';
import { boundPair } from '../fakes/device-sockets.ts';

const BATCH = 64;
const BATCHES = 4;

test('DatagramBatches.drain() answers each datagram to where it came from', async (t) => {
  const { fd, port } = bound(t);
  const clients = [await client(t, port), await client(t, port)];
  const replies = clients.map((one) => once(one, 'message'));
  for (const [index, one] of clients.entries()) one.send(`question ${index}`);
  const heard: string[] = [];
  await drainAll(fd, clients.length, (bytes, address, from) => {
    heard.push(`${text(bytes)} of ${address} ${from}`);
    return Buffer.from(`answer to ${text(bytes)}`);
  });
  assert.deepEqual(
    heard.sort(),
    clients.map((one, index) => `question ${index} of ::1 ${one.address().port}`),
  );
  for (const [index, reply] of replies.entries()) {
    const [bytes, remote] = await reply;
    assert.equal(text(bytes), `answer to question ${index}`);
    assert.equal(remote.port, port);
  }
});

test('DatagramBatches.drain() comes back although there is always one more', async (t) => {
  const { fd, port } = bound(t);
  const one = await client(t, port);
  for (let n = 0; n < 2 * BATCH; n++) one.send('x');
  const batches = new DatagramBatches();
  for (let heard = 0; heard < 1000; ) {
    let inCall = 0;
    batches.drain(fd, () => {
      inCall += 1;
      assert.ok(inCall <= BATCH * BATCHES, `${inCall} in one call`);
      one.send('x');
      return undefined;
    });
    heard += inCall;
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test('DatagramBatches.drain() cuts what is longer than any question', async (t) => {
  const { fd, port } = bound(t);
  const one = await client(t, port);
  const lengths = [0, 1, 512, 1024, 1025, 4000];
  for (const length of lengths) one.send('x'.repeat(length));
  const heard: number[] = [];
  await drainAll(fd, lengths.length, (bytes) => {
    heard.push(bytes.length);
    return undefined;
  });
  assert.deepEqual(heard, [0, 1, 512, 1024, 1024, 1024]);
});

test('DatagramBatches.drain() sends what fits its memory, and nothing for no answer', async (t) => {
  const { fd, port } = bound(t);
  const one = await client(t, port);
  const replies: number[] = [];
  const last = new Promise<void>((resolve) => {
    one.on('message', (bytes) => {
      replies.push(bytes.length);
      if (bytes.length === 7) resolve();
    });
  });
  for (const length of [1281, 0, 1280, 7]) one.send(String(length));
  await drainAll(fd, 4, (bytes) => {
    const length = Number(text(bytes));
    return length === 0 ? undefined : new Uint8Array(length);
  });
  await last;
  assert.deepEqual(replies, [1280, 7]);
});

/** Drains until `count` datagrams have come, which take their time on a busy machine. */
async function drainAll(fd: number, count: number, answer: DatagramAnswer): Promise<void> {
  const batches = new DatagramBatches();
  let heard = 0;
  while (heard < count) {
    const failures = batches.drain(fd, (...datagram) => {
      heard += 1;
      return answer(...datagram);
    });
    assert.equal(failures, 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function bound(t: TestContext): { fd: number; port: number } {
  const { tcp, udp, port } = boundPair('::1');
  closeSync(tcp);
  t.after(() => closeSync(udp));
  return { fd: udp, port };
}

async function client(t: TestContext, port: number): Promise<Socket> {
  const socket = createSocket('udp6');
  t.after(() => socket.close());
  socket.connect(port, '::1');
  await once(socket, 'connect');
  return socket;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
