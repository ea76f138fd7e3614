// Addresses of packets stand for what addressing/layout.ts says of their text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AddressKind, classifyAddress } from '../../src/addressing/layout.ts';
import { AddressShape, keyOf, PacketAddress } from '../../src/filter/packet-address.ts';
import { formatIpv6, parseIpv6 } from '../../src/ip/ipv6-address.ts';

const SHAPES: Readonly<Record<AddressKind['kind'], AddressShape>> = {
  nameserver: AddressShape.Nameserver,
  host: AddressShape.Host,
  instance: AddressShape.Instance,
  'wireguard-peer': AddressShape.WireguardPeer,
  service: AddressShape.Service,
};

test('PacketAddress and classifyAddress() agree', () => {
  const near = fc.constantFrom(
    0,
    1,
    2,
    3,
    0xa,
    0xffff,
    0x1_0000,
    0x10_ffff,
    0x11_0000,
    0xffff_ffff,
  );
  const site = fc.constantFrom(0xfdaa, 0xfdaa, 0xfdaa, 0xfdab, 0);
  const slot = fc.constantFrom(0, 1, 2, 3, 7, 0xffff);
  fc.assert(
    fc.property(site, near, near, near, slot, (prefix, network, host, instance, last) => {
      const bytes = new Uint8Array(20);
      const view = new DataView(bytes.buffer);
      view.setUint16(4, prefix);
      view.setUint32(6, network);
      view.setUint32(10, host);
      view.setUint32(14, instance);
      view.setUint16(18, last);
      const address = new PacketAddress();
      address.read(bytes, 4);
      const known = classifyAddress(formatIpv6(bytes, 4));
      const outside = prefix === 0xfdaa ? AddressShape.OutsidePlan : AddressShape.OutsideSite;
      assert.equal(address.shape, known === undefined ? outside : SHAPES[known.kind]);
      if (prefix !== 0xfdaa) return;
      const { network: n, host: h, instance: i, slot: s } = address;
      assert.deepEqual([n, h, i, s], [keyOf(network), host, keyOf(instance), last]);
    }),
    { numRuns: 2000 },
  );
});

test('PacketAddress forgets the fields of the address before', () => {
  const address = new PacketAddress();
  address.read(parseIpv6('fdaa:a:1:1:1:1111:1:2') ?? new Uint8Array(16), 0);
  assert.equal(address.shape, AddressShape.Instance);
  address.read(parseIpv6('2001:db8:1:1:1:1111:1:2') ?? new Uint8Array(16), 0);
  const { network, host, instance, slot } = address;
  assert.deepEqual([network, host, instance, slot], [0, 0, 0, 0]);
});
