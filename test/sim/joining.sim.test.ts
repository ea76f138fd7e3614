// A host that joins, on a simulated network: first as an invite that reaches the server's enrolment
// and nothing else, then under its own key.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { INFRASTRUCTURE_NETWORK } from '../../src/addressing/ids.ts';
import { wireguardPeerAddress } from '../../src/addressing/layout.ts';
import { ENROLMENT_PORT, SERVER_PORT } from '../../src/addressing/ports.ts';
import type { DataplaneConfig } from '../../src/dataplane/config.ts';
import type { PeerConfig } from '../../src/device/config.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { keyPair } from '../../src/wireguard/identity.ts';
import { LISTEN_PORT, Mesh } from '../fakes/mesh.ts';
import { tcp } from '../filter/packets.ts';
import { HostNode } from './host-node.ts';
import { PERFECT, SimNetwork } from './network.ts';

const SEED = Number(process.env['P6N_SEED'] ?? randomInt(2 ** 31));
const HOST_TUN = 0;

test('joining: an invite reaches enrolment alone, and the host key takes over', (t) => {
  t.diagnostic(`seed ${SEED}`);
  const network = new SimNetwork(SEED, PERFECT);
  const mesh = new Mesh(() => randomSecret(network));
  const at = (n: number): { address: string; port: number } => ({
    address: `198.51.100.${n}`,
    port: LISTEN_PORT,
  });
  const server = mesh.addHost(at(1));
  const serverAlone = { ...mesh.configOf(0), filter: { ...mesh.configOf(0).filter, server: true } };
  const joining = mesh.addHost(at(2));
  const inviteKeys = keyPair(NOBLE_CRYPTO, randomSecret(network));
  const inviteAddress = wireguardPeerAddress(INFRASTRUCTURE_NETWORK, server.id, 1);
  const invitePeer: PeerConfig = {
    publicKey: inviteKeys.publicKey,
    route: { kind: 'prefixes', prefixes: [`${inviteAddress}/128`] },
  };
  const serving: DataplaneConfig = {
    ...serverAlone,
    device: { ...serverAlone.device, peers: [invitePeer] },
    filter: {
      ...serverAlone.filter,
      wireguardPeers: [{ network: INFRASTRUCTURE_NETWORK, peer: 1 }],
    },
  };
  const invited: DataplaneConfig = {
    ...mesh.configOf(1),
    device: { ...mesh.configOf(1).device, privateKey: inviteKeys.privateKey },
    filter: {
      ...mesh.configOf(1).filter,
      hostId: undefined,
      extraHostAddresses: [inviteAddress],
      hosts: [{ id: server.id, region: 'local' }],
    },
  };
  const serverNode = new HostNode(network, { config: serving, address: at(1) });
  const joiningNode = new HostNode(network, { config: invited, address: at(2) });
  const knock = (from: string, port: number): number => {
    const before = serverNode.delivered.length;
    joiningNode.send(HOST_TUN, tcp(from, server.address, port));
    network.runFor(1_000);
    return serverNode.delivered.length - before;
  };

  assert.equal(knock(inviteAddress, ENROLMENT_PORT), 1);
  assert.equal(knock(inviteAddress, SERVER_PORT), 0);
  assert.equal(knock(joining.address, ENROLMENT_PORT), 0);

  // Enrolled: the server installs the host key before it answers, the host changes over.
  const withHost = { ...mesh.configOf(0), filter: { ...mesh.configOf(0).filter, server: true } };
  const withBoth: DataplaneConfig = {
    ...withHost,
    device: { ...withHost.device, peers: [invitePeer, ...withHost.device.peers] },
    filter: { ...withHost.filter, wireguardPeers: serving.filter.wireguardPeers },
  };
  assert.deepEqual(serverNode.apply(withBoth), []);
  assert.deepEqual(joiningNode.apply(mesh.configOf(1)), []);
  assert.equal(knock(joining.address, SERVER_PORT), 1);
  assert.equal(knock(joining.address, ENROLMENT_PORT), 0);
  assert.equal(knock(inviteAddress, ENROLMENT_PORT), 0);
  assert.deepEqual(serverNode.apply(withHost), []);
  assert.equal(knock(joining.address, SERVER_PORT), 1);
});

function randomSecret(network: SimNetwork): Uint8Array {
  const secret = new Uint8Array(32);
  network.random.fill(secret);
  return secret;
}
