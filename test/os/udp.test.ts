// The UDP port on Linux, over the loopback interface: needs no root.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { P6nError } from '../../src/base/errors.ts';
import {
  ENDPOINT_ADDRESS_OFFSET,
  ENDPOINT_BYTES,
  ENDPOINT_INTERFACE_OFFSET,
  ENDPOINT_LOCAL_OFFSET,
} from '../../src/base/packet-batch.ts';
import { probeRuns } from '../../src/os/linux/udp/run-probe.ts';
import { ALL_OFFLOADS, NO_OFFLOADS } from '../../src/os/offloads.ts';
import { UdpCounter } from '../../src/os/udp.ts';
import { withDescriptorsLeft } from './scarce-descriptors.ts';
import {
  addressBytes,
  bytesAt,
  CAPACITY,
  close,
  endpoint,
  endpointAt,
  open,
  push,
  STRIDE,
  send,
} from './udp-side.ts';

const LOOPBACK_INTERFACE = 1;

test('a datagram arrives with its bytes, source, local address and traffic class', () => {
  for (const address of ['127.0.0.1', '::1']) {
    const [a, b] = [open(), open()];
    send(a, endpoint(address, b.udp.port), 'hello', 0x88);
    b.receive(1);
    assert.equal(b.text(0), 'hello');
    assert.equal(b.datagrams.trafficClasses[0], 0x88);
    assert.deepEqual(
      b.datagrams.endpoints.subarray(0, 20),
      endpoint(address, a.udp.port).subarray(0, 20),
    );
    const local = addressBytes(address);
    assert.deepEqual(bytesAt(b, ENDPOINT_LOCAL_OFFSET, local.length), local);
    close(a, b);
  }
});

test('an answer to a received endpoint leaves from the address that was spoken to', () => {
  const [a, b] = [open(), open()];
  send(a, endpoint('127.0.0.7', b.udp.port), 'question', 0);
  b.receive(1);
  send(b, b.datagrams.endpoints.slice(0, ENDPOINT_BYTES), 'answer', 0);
  a.receive(1);
  assert.equal(a.text(0), 'answer');
  assert.deepEqual(bytesAt(a, ENDPOINT_ADDRESS_OFFSET, 4), Uint8Array.of(127, 0, 0, 7));
  close(a, b);
});

test('a local address that is gone is left out and counted', () => {
  for (const address of ['127.0.0.1', '::1']) {
    const [a, b] = [open(), open()];
    const target = endpoint(address, b.udp.port);
    target.set(
      addressBytes(address === '::1' ? '2001:db8::7' : '192.0.2.7'),
      ENDPOINT_LOCAL_OFFSET,
    );
    for (const trafficClass of [0, 0x88]) send(a, target, 'x', trafficClass);
    b.receive(2);
    assert.equal(a.udp.counters[UdpCounter.SourceLost], 2, address);
    assert.equal(a.udp.counters[UdpCounter.Sent], 2);
    close(a, b);
  }
});

test('a batch is received in order, and more than a batch waits', () => {
  const [a, b] = [open(), open()];
  const target = endpoint('::1', b.udp.port);
  for (let i = 0; i < CAPACITY + 2; i++) push(a, target, `datagram ${i}`, 0, i);
  a.udp.flush();
  assert.equal(b.receive(CAPACITY), true);
  for (let i = 0; i < CAPACITY; i++) assert.equal(b.text(i), `datagram ${i}`);
  assert.equal(b.receive(2), false);
  assert.equal(b.text(1), `datagram ${CAPACITY + 1}`);
  close(a, b);
});

test('a datagram longer than a place is dropped and counted, the ones around it stay', () => {
  const [a, b] = [open(), open()];
  const target = endpoint('127.0.0.1', b.udp.port);
  const texts = ['before', 'x'.repeat(STRIDE + 1), 'after'];
  for (const [index, text] of texts.entries()) push(a, target, text, 0, 2 * index);
  a.udp.flush();
  b.receive(2);
  assert.deepEqual([b.text(0), b.text(1)], ['before', 'after']);
  assert.equal(b.udp.counters[UdpCounter.DropTooLong], 1);
  close(a, b);
});

test('a port that is taken is an error that says so', () => {
  const a = open();
  assert.throws(
    () => open(a.udp.port),
    (error: unknown) => error instanceof P6nError && error.code === 'PORT_TAKEN',
  );
  close(a);
});

test('a datagram that the kernel refuses is counted, the ones behind it are sent', () => {
  const [a, b] = [open(), open()];
  push(a, endpoint('::ffff:1.2.3.4', 0), 'refused', 0, 0);
  push(a, endpoint('::1', b.udp.port), 'sent', 0, 1);
  a.udp.flush();
  b.receive(1);
  assert.equal(b.text(0), 'sent');
  assert.equal(a.udp.counters[UdpCounter.DropSendFailed], 1);
  close(a, b);
});

test('a run of equal datagrams arrives as it was, whoever uses runs', () => {
  for (const address of ['127.0.0.1', '::1']) {
    for (const sendRuns of [false, true]) {
      for (const takeRuns of [false, true]) {
        const a = open(0, { ...NO_OFFLOADS, udpGso: sendRuns });
        const b = open(0, { ...NO_OFFLOADS, udpGro: takeRuns });
        const target = endpoint(address, b.udp.port);
        const texts = ['first', 'equal', 'tail', 'no', 'longer than', 'x'];
        for (const [place, text] of texts.entries()) push(a, target, text, 0x88, place);
        a.udp.flush();
        b.receive(texts.length);
        assert.deepEqual(
          texts.map((_, i) => b.text(i)),
          texts,
        );
        for (let i = 0; i < texts.length; i++) {
          const source = endpointAt(b, i).subarray(0, 20);
          assert.deepEqual(source, endpoint(address, a.udp.port).subarray(0, 20));
          assert.equal(b.datagrams.trafficClasses[i], 0x88);
        }
        assert.equal(a.udp.counters[UdpCounter.Sent], texts.length);
        assert.equal(a.udp.counters[UdpCounter.RunsSplit], 0);
        close(a, b);
      }
    }
  }
});

test('each datagram of a run keeps the local address that the run was sent to', () => {
  for (const address of ['127.0.0.9', '::1']) {
    const a = open(0, { ...NO_OFFLOADS, udpGso: true });
    const b = open(0, { ...NO_OFFLOADS, udpGro: true });
    for (let place = 0; place < 5; place++) push(a, endpoint(address, b.udp.port), 'x', 0, place);
    a.udp.flush();
    b.receive(5);
    const local = addressBytes(address);
    for (let i = 0; i < 5; i++) {
      const start = ENDPOINT_LOCAL_OFFSET;
      const found = endpointAt(b, i).subarray(start, start + local.length);
      assert.deepEqual(found, local, `datagram ${i}`);
    }
    close(a, b);
  }
});

test('a run is at most as long as a datagram can be, and may come where one has come', () => {
  const a = open(0, { ...NO_OFFLOADS, udpGso: true });
  const b = open(0, ALL_OFFLOADS);
  const target = endpoint('127.0.0.1', b.udp.port);
  send(a, target, 'single', 0x88);
  b.receive(1);
  for (let place = 0; place < 3; place++) push(a, target, `run ${place}`, 0x88, place);
  a.udp.flush();
  b.receive(3);
  assert.deepEqual([b.text(0), b.text(2), b.datagrams.trafficClasses[2]], ['run 0', 'run 2', 0x88]);
  assert.equal(b.messages(), 1);
  const long = 1_300;
  for (let i = 0; i < 60; i++) a.udp.push(a.outgoing, 0, long, target, 0, 0);
  a.udp.flush();
  assert.equal(a.udp.counters[UdpCounter.Sent], 1 + 3 + 60);
  assert.equal(a.udp.counters[UdpCounter.RunsSplit], 0);
  close(a, b);
});

test('an IPv6 address behind an IPv4 one is sent to whole, and the other way round', () => {
  const [a, b, c] = [open(), open(), open()];
  const targets = [endpoint('127.0.0.1', b.udp.port), endpoint('::1', c.udp.port)];
  for (let place = 0; place < 4; place++) push(a, targets[place % 2]!, `${place}`, 0, place);
  a.udp.flush();
  b.receive(2);
  c.receive(2);
  assert.deepEqual([b.text(0), c.text(0), b.text(1), c.text(1)], ['0', '1', '2', '3']);
  close(a, b, c);
});

test('a run ends at another endpoint, at another traffic class and at 64 datagrams', () => {
  const a = open(0, { ...NO_OFFLOADS, udpGso: true });
  const [b, c] = [open(0, ALL_OFFLOADS), open(0, ALL_OFFLOADS)];
  const [toB, toC] = [endpoint('::1', b.udp.port), endpoint('::1', c.udp.port)];
  for (let place = 0; place < 100; place++) push(a, toB, `b${place % 10}`, 0, place);
  push(a, toB, 'b!', 0x88, 100);
  push(a, toC, 'c0', 0, 101);
  push(a, toB, 'b+', 0, 102);
  a.udp.flush();
  b.receive(102);
  assert.equal(b.messages(), 4);
  c.receive(1);
  for (let i = 0; i < 100; i++) assert.equal(b.text(i), `b${i % 10}`);
  assert.deepEqual([b.text(100), b.text(101), c.text(0)], ['b!', 'b+', 'c0']);
  assert.deepEqual([...b.datagrams.trafficClasses.subarray(99, 102)], [0, 0x88, 0]);
  close(a, b, c);
});

test('a run that the kernel refuses is sent datagram by datagram', () => {
  const a = open(0, ALL_OFFLOADS);
  const b = open(0, ALL_OFFLOADS);
  const target = endpoint('127.0.0.1', b.udp.port);
  target.set(addressBytes('192.0.2.7'), ENDPOINT_LOCAL_OFFSET);
  for (let place = 0; place < 3; place++) push(a, target, `text ${place}`, 0, place);
  a.udp.flush();
  b.receive(3);
  assert.deepEqual([b.text(0), b.text(1), b.text(2)], ['text 0', 'text 1', 'text 2']);
  assert.equal(a.udp.counters[UdpCounter.RunsSplit], 1);
  assert.equal(a.udp.counters[UdpCounter.Sent], 3);
  close(a, b);
});

test('a run of datagrams that are too long is dropped and counted once', () => {
  const a = open(0, ALL_OFFLOADS);
  const b = open(0, ALL_OFFLOADS);
  const target = endpoint('127.0.0.1', b.udp.port);
  const long = 'x'.repeat(STRIDE + 1);
  for (let i = 0; i < 3; i++) push(a, target, long, 0, 2 * i);
  push(a, target, 'after'.padEnd(STRIDE, '.'), 0x88, 6);
  a.udp.flush();
  b.receive(1);
  assert.equal(b.text(0), 'after'.padEnd(STRIDE, '.'));
  assert.equal(b.udp.counters[UdpCounter.DropTooLong], 1);
  close(a, b);
});

test('a machine without a descriptor left knows nothing of paths, and stops nobody', () => {
  const { udp } = open(0, ALL_OFFLOADS);
  const target = endpoint('127.0.0.1', udp.port);
  target.set(addressBytes('127.0.0.1'), ENDPOINT_LOCAL_OFFSET);
  new DataView(target.buffer).setUint32(ENDPOINT_INTERFACE_OFFSET, LOOPBACK_INTERFACE, true);
  const asked = (): unknown[] => [
    udp.pathMtu(target, 0) > 0,
    udp.isSourceRight(target, 0),
    probeRuns(4),
  ];
  withDescriptorsLeft(0, () => assert.deepEqual(asked(), [false, false, 0]));
  assert.deepEqual(asked(), [true, true, 0]);
  udp.close();
});
