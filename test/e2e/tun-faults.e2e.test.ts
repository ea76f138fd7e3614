// A TUN whose kernel refuses what it took before, and a look at one for which the machine has no
// descriptors left.

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { nativeSlab } from '../../src/os/linux/slab.ts';
import { openTun } from '../../src/os/linux/tun.ts';
import { watchTun } from '../../src/os/linux/tun-watch.ts';
import type { RefusedOffload } from '../../src/os/offloads.ts';
import { SUPERPACKET_REFUSED, type Tun } from '../../src/os/tun.ts';
import { NEEDS_CHECKSUM, SuperpacketKind, writeVirtioHeader } from '../../src/os/virtio-header.ts';
import { buildPacket } from '../dataplane/offload/transport-packets.ts';
import { withDescriptorsLeft } from '../os/scarce-descriptors.ts';
import { makeNamespace, SKIP, type TestNamespace } from './namespaces.ts';

const NAME = 'p6n0';
const MTU = 1420;
const OFFSET = 64;
const HEADERS = 60;
const SEGMENT_BYTES = 100;

test('tun: a superpacket that is refused by itself leaves the others as they are', {
  skip: SKIP,
}, (t) => {
  const { tun, refused } = openTest(t, makeNamespace(t, 'own-fault'));
  assert.deepEqual(writeSuperpackets(tun), [0, SUPERPACKET_REFUSED, 0]);
  assert.equal(tun.merges.tcp, true);
  assert.deepEqual(refused, []);
});

test('tun: a kernel that refuses all superpackets of a kind is given no more of them', {
  skip: SKIP,
}, (t) => {
  const { tun, refused } = openTest(t, makeNamespace(t, 'refusing'));
  assert.equal(tun.merges.tcp, true);
  // The same descriptor, behind which a file of the kernel takes nothing of what is written.
  closeSync(tun.descriptor);
  const isTaken = (): boolean => openSync('/proc/self/oom_score_adj', 'w') === tun.descriptor;
  while (!isTaken());
  assert.deepEqual(writeSuperpackets(tun), new Array(3).fill(SUPERPACKET_REFUSED));
  assert.deepEqual(tun.merges, { tcp: false, udp: true });
  assert.deepEqual(refused, [{ offload: 'tun-tcp', where: NAME, error: 22 }]);
});

test('tun: what was seen of it stands until a look that succeeds', { skip: SKIP }, (t) => {
  const [before, behind] = [makeNamespace(t, 'before'), makeNamespace(t, 'behind')];
  const { tun } = openTest(t, before);
  const watch = watchTun(tun.descriptor);
  t.after(() => watch.close());
  assert.deepEqual(watch.read(), { isUp: true, mtu: MTU });
  before.run(`ip link set ${NAME} mtu 1300 netns ${behind.name}`);
  withDescriptorsLeft(1, () => assert.deepEqual(watch.read(), { isUp: true, mtu: MTU }));
  assert.deepEqual(watch.read(), { isUp: false, mtu: 1300 });
});

function openTest(
  t: TestContext,
  namespace: TestNamespace,
): { tun: Tun; refused: RefusedOffload[] } {
  const refused: RefusedOffload[] = [];
  const tun = openTun({
    name: NAME,
    namespace: namespace.path,
    mtu: MTU,
    persistent: false,
    offloads: { tunTcp: true, tunUdp: true },
    onRefused: (one) => refused.push(one),
  });
  t.after(() => tun.close());
  namespace.run(`ip link set ${NAME} up`);
  return { tun, refused };
}

/** A true one, one whose checksum would stand outside of it, and a true one again. */
function writeSuperpackets(tun: Tun): number[] {
  const slab = nativeSlab(1024);
  const flow = { isIpv4: false, isTcp: true, options: new Uint8Array(0) };
  const fields = { sequence: 1, flags: 0x10, identification: 0 };
  const packet = buildPacket(flow, fields, new Uint8Array(3 * SEGMENT_BYTES));
  return [40, 60_000, 40].map((checksumStart) => {
    slab.bytes.set(packet, OFFSET);
    const kind = SuperpacketKind.Tcp6;
    const place = [HEADERS, SEGMENT_BYTES, checksumStart, 16] as const;
    writeVirtioHeader(slab.bytes, OFFSET, NEEDS_CHECKSUM, kind, ...place);
    return tun.writeWithHeader(slab, OFFSET, packet.length);
  });
}
