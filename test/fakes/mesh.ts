// A small mesh for tests of the data plane: hosts that know each other, networks, instances, and
// the configuration that follows for each host.

import { type HostId, ID_MIN, type InstanceId, type NetworkId } from '../../src/addressing/ids.ts';
import { hostAddress, instanceAddress } from '../../src/addressing/layout.ts';
import type { DataplaneConfig, TunConfig } from '../../src/dataplane/config.ts';
import type { EndpointAddress, PeerConfig } from '../../src/device/config.ts';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import type { PrivateKey, PublicKey } from '../../src/wireguard/crypto/crypto.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { keyPair } from '../../src/wireguard/identity.ts';

export const MTU = 1420;
export const LISTEN_PORT = 51_820;

export interface MeshInstance {
  readonly host: number;
  readonly network: NetworkId;
  readonly address: Ipv6Address;
  readonly config: DataplaneConfig['filter']['instances'][number];
  /** Path of its network namespace. */
  readonly namespace: string | undefined;
}

export interface MeshHost {
  readonly id: HostId;
  readonly address: Ipv6Address;
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
  endpoint: EndpointAddress | undefined;
}

export class Mesh {
  readonly hosts: MeshHost[] = [];
  readonly instances: MeshInstance[] = [];
  readonly #secret: (n: number) => Uint8Array;
  readonly #mtu: number;

  /** `secret` makes the nth 32 random bytes. */
  constructor(secret: (n: number) => Uint8Array, mtu: number = MTU) {
    this.#secret = secret;
    this.#mtu = mtu;
  }

  /** Host number n; its endpoint may be given later. */
  addHost(endpoint?: EndpointAddress): MeshHost {
    const id = (ID_MIN + this.hosts.length + 1) as HostId;
    const keys = keyPair(NOBLE_CRYPTO, this.#secret(this.hosts.length));
    const { privateKey, publicKey } = keys;
    const host = { id, address: hostAddress(id), privateKey, publicKey, endpoint };
    this.hosts.push(host);
    return host;
  }

  /** An instance of network number `network` on host number `host`. */
  addInstance(host: number, network: number, namespace?: string): MeshInstance {
    const networkId = (ID_MIN + 0x100 + network) as NetworkId;
    const instanceId = (ID_MIN + 0x2000 + this.instances.length) as InstanceId;
    const tun = 1 + this.instances.filter((one) => one.host === host).length;
    const id = this.#host(host).id;
    const instance = {
      host,
      network: networkId,
      address: instanceAddress(networkId, id, instanceId),
      config: { network: networkId, instance: instanceId, tun },
      namespace,
    };
    this.instances.push(instance);
    return instance;
  }

  /** What the data plane of host number `number` is told. */
  configOf(number: number, listenPort: number = LISTEN_PORT): DataplaneConfig {
    const self = this.#host(number);
    const here = this.instances.filter((one) => one.host === number);
    const tuns: TunConfig[] = here.map(({ config, namespace }) => ({
      tun: config.tun,
      name: 'p6n0',
      namespace,
      mtu: this.#mtu,
    }));
    const ids = [...new Set(here.map((one) => one.network))];
    return {
      listenPort,
      device: {
        privateKey: self.privateKey,
        peers: this.hosts.filter((host) => host !== self).map((host) => peerFor(host)),
      },
      filter: {
        hostId: self.id,
        region: 'local',
        extraHostAddresses: [],
        server: false,
        hosts: this.hosts.map(({ id }) => ({ id, region: 'local' })),
        networks: ids.map((id) => ({ id, regionScoped: false })),
        instances: here.map((one) => one.config),
        wireguardPeers: [],
      },
      tuns: [{ tun: 0, name: 'p6n0', namespace: undefined, mtu: this.#mtu }, ...tuns],
    };
  }

  #host(number: number): MeshHost {
    const host = this.hosts[number];
    if (host === undefined) throw new Error(`there is no host ${number}`);
    return host;
  }
}

function peerFor({ id, publicKey, endpoint }: MeshHost): PeerConfig {
  const route = { kind: 'host', hostId: id, key: 'current' } as const;
  return { publicKey, route, ...(endpoint === undefined ? {} : { endpoint }) };
}
