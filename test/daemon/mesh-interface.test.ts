// The mesh device for wg(8): hosts as prefixes, no keys but public ones, and nothing to change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBase64 } from '../../src/base/bytes.ts';
import { P6nError } from '../../src/base/errors.ts';
import { MeshInterface } from '../../src/daemon/mesh-interface.ts';
import type { DataplaneConfig } from '../../src/dataplane/config.ts';
import { formatInterface } from '../../src/uapi/get-text.ts';
import { asciiText } from '../../src/uapi/set-parser.ts';
import { Mesh } from '../fakes/mesh.ts';

const PREFIX = 'fdaa::3:1:2:3:4/128';

test('MeshInterface shows a host as its addresses and a WireGuard peer as its own', async () => {
  const { interface: shown, host } = setup();
  const text = asciiText(formatInterface(await shown.state()));
  assert.match(text, /^listen_port=51820$/m);
  assert.match(text, /^allowed_ip=fdaa:0:0:1:2::\/80$/m);
  assert.match(text, new RegExp(`^allowed_ip=${PREFIX}$`, 'm'));
  assert.match(text, /^endpoint=192\.0\.2\.9:7$/m);
  assert.match(text, /^tx_bytes=148$/m);
  assert.ok(host.id === 0x10002);
});

test('MeshInterface tells no secret', async () => {
  const { interface: shown, config } = setup();
  const text = asciiText(formatInterface(await shown.state()));
  const [, peer] = config.device.peers;
  for (const secret of [config.device.privateKey, peer?.presharedKey]) {
    assert.ok(secret !== undefined);
    assert.ok(!text.includes(Buffer.from(secret).toString('hex')));
  }
});

test('MeshInterface is not to be changed', async () => {
  await assert.rejects(
    setup().interface.change(),
    (error) => error instanceof P6nError && error.code === 'NOT_PERMITTED',
  );
});

function setup(): {
  interface: MeshInterface;
  config: DataplaneConfig;
  host: { readonly id: number };
} {
  const mesh = new Mesh((n) => new Uint8Array(32).fill(n + 1));
  mesh.addHost();
  const host = mesh.addHost();
  const plain = mesh.configOf(0);
  const laptop = {
    publicKey: new Uint8Array(32).fill(77) as never,
    presharedKey: new Uint8Array(32).fill(78) as never,
    route: { kind: 'prefixes', prefixes: [PREFIX] } as const,
  };
  const config = { ...plain, device: { ...plain.device, peers: [...plain.device.peers, laptop] } };
  const status = {
    publicKey: toBase64(host.publicKey),
    endpoint: { address: '192.0.2.9', port: 7 },
    lastHandshakeAt: undefined,
    sentBytes: 148,
    pathMtu: undefined,
    receivedBytes: 92,
  };
  const dataplane = { port: 51_820, peers: () => Promise.resolve([status]) };
  return { interface: new MeshInterface({ dataplane, applied: () => config }), config, host };
}
