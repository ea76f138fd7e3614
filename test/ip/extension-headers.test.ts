// The walk over extension headers: where it ends, how, and that nothing makes it run on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { locateTransport, TransportPlace, Walk } from '../../src/ip/extension-headers.ts';
import { IPV6_HEADER_BYTES } from '../../src/ip/header.ts';
import { IpProtocol } from '../../src/ip/protocol.ts';
import { cut, extended, fragment, packet, patched, udp } from '../filter/packets.ts';

const FROM = 'fdaa::1';
const TO = 'fdaa::2';
const PLAIN = udp(FROM, TO, 53);
const { DestinationOptions, Authentication, HopByHop, Routing } = IpProtocol;

test('locateTransport() finds the transport header of a plain packet', () => {
  assert.deepEqual(walk(PLAIN), ['Transport', IpProtocol.Udp, 40, false, false]);
  const none = packet(FROM, TO, IpProtocol.NoNext, new Uint8Array(0));
  assert.deepEqual(walk(none), ['Transport', IpProtocol.NoNext, 40, false, false]);
  assert.deepEqual(walk(packet(FROM, TO, 50)), ['Transport', 50, 40, false, false]);
});

test('locateTransport() walks over headers of any length', () => {
  assert.deepEqual(walk(extended(PLAIN, DestinationOptions)), ['Transport', 17, 48, true, false]);
  const long = extended(PLAIN, DestinationOptions, new Uint8Array(2046));
  assert.deepEqual(walk(long), ['Transport', 17, 40 + 2048, true, false]);
  const authenticated = extended(PLAIN, Authentication, new Uint8Array(22));
  assert.deepEqual(walk(authenticated), ['Transport', 17, 64, true, false]);
  const both = extended(extended(PLAIN, Authentication, new Uint8Array(10)), DestinationOptions);
  assert.deepEqual(walk(both), ['Transport', 17, 60, true, false]);
});

test('locateTransport() tells first fragments from later ones', () => {
  assert.deepEqual(walk(fragment(PLAIN, 0, true)), ['Transport', 17, 48, true, true]);
  assert.deepEqual(walk(fragment(PLAIN, 0, false)), ['Transport', 17, 48, true, true]);
  const reserved = patched(fragment(PLAIN, 0, true), 41, 255);
  assert.deepEqual(walk(reserved), ['Transport', 17, 48, true, true]);
  assert.deepEqual(walk(fragment(PLAIN, 8, true)), ['LaterFragment', 17, 48, true, true]);
  assert.deepEqual(walk(fragment(PLAIN, 0xfff8, false)), ['LaterFragment', 17, 48, true, true]);
});

test('locateTransport() stops at hop-by-hop and routing headers', () => {
  assert.deepEqual(walk(extended(PLAIN, HopByHop)), ['HopByHop', HopByHop, 40, true, false]);
  const routed = extended(extended(PLAIN, Routing), DestinationOptions);
  assert.deepEqual(walk(routed), ['Routing', Routing, 48, true, false]);
});

test('locateTransport() does not read behind the packet', () => {
  const options = extended(PLAIN, DestinationOptions);
  for (let length = 40; length < 48; length++) {
    assert.equal(walk(cut(options, length))[0], 'Truncated');
  }
  assert.deepEqual(walk(cut(options, 48)), ['Transport', 17, 48, true, false]);
});

test('locateTransport() ends for all bytes', () => {
  const place = new TransportPlace();
  const kinds = fc.constantFrom(43, 44, 51, 60, 135, 0, 6, 17, 58, 59);
  const soup = fc.array(fc.oneof(kinds, fc.nat({ max: 255 })), { maxLength: 300 });
  fc.assert(
    fc.property(kinds, soup, (first, payload) => {
      const bytes = packet(FROM, TO, first, Uint8Array.from(payload));
      const end = locateTransport(bytes, 0, bytes.length, place);
      assert.ok(Object.values(Walk).includes(end));
      assert.ok(place.offset >= IPV6_HEADER_BYTES && place.offset <= bytes.length);
    }),
  );
});

/** The end, protocol, offset, whether extended and whether fragmented; read amid other bytes. */
function walk(bytes: Uint8Array): [string | undefined, number, number, boolean, boolean] {
  const margin = 8;
  const noisy = new Uint8Array(bytes.length + 2 * margin).fill(DestinationOptions);
  noisy.set(bytes, margin);
  const place = new TransportPlace();
  const end = locateTransport(noisy, margin, bytes.length, place);
  const name = Object.entries(Walk).find(([, value]) => value === end)?.[0];
  return [name, place.protocol, place.offset - margin, place.extended, place.fragmented];
}
