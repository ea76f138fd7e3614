// This host among the others: how it reaches each of them, asked at once, and the change of its
// own key.

import type { HostId } from '../addressing/ids.ts';
import { hostAddress } from '../addressing/layout.ts';
import type { EchoPort } from '../agent/ports.ts';
import type { HostPath, HostView } from '../api/contract/hosts.ts';
import type { MembershipService, RegistryService } from '../api/services.ts';
import type { Dataplane, PeerStatus } from '../dataplane/dataplane.ts';
import { formatHostPort } from '../ip/host-port.ts';
import { authorize, type Principal } from '../registry/authority.ts';
import type { KeyRotation } from './key-rotation.ts';

const ECHO_TIMEOUT_MS = 1_000;
const ECHOES_AT_ONCE_MAX = 256;

export interface MembershipServiceDependencies {
  readonly dataplane: Pick<Dataplane, 'peers'>;
  readonly echo: EchoPort;
  readonly registry: Pick<RegistryService, 'getHost'>;
  readonly rotation: Pick<KeyRotation, 'rotate'>;
}

export class LocalMembershipService implements MembershipService {
  readonly #dependencies: MembershipServiceDependencies;
  readonly #host: { readonly id: HostId; readonly name: string };

  constructor(
    dependencies: MembershipServiceDependencies,
    host: { readonly id: HostId; readonly name: string },
  ) {
    this.#dependencies = dependencies;
    this.#host = host;
  }

  async paths(hosts: readonly HostView[]): Promise<ReadonlyMap<number, HostPath>> {
    const { dataplane } = this.#dependencies;
    const others = hosts.filter(({ id }) => id !== this.#host.id);
    const roundTrips = await this.#measure(others);
    const peers = new Map((await dataplane.peers()).map((peer) => [peer.publicKey, peer]));
    const paths = new Map<number, HostPath>([[this.#host.id, { state: 'self' }]]);
    for (const { id, public_key } of others) {
      paths.set(id, pathOf(peers.get(public_key), roundTrips.get(id)));
    }
    return paths;
  }

  async rotateKey(principal: Principal, options: { readonly force: boolean }): Promise<HostView> {
    authorize(principal, 'host-key-write');
    const { registry, rotation } = this.#dependencies;
    await rotation.rotate(options);
    return await registry.getHost(principal, this.#host.name);
  }

  async #measure(hosts: readonly HostView[]): Promise<ReadonlyMap<number, number>> {
    const { echo } = this.#dependencies;
    const source = hostAddress(this.#host.id);
    const roundTrips = new Map<number, number>();
    for (let start = 0; start < hosts.length; start += ECHOES_AT_ONCE_MAX) {
      const some = hosts.slice(start, start + ECHOES_AT_ONCE_MAX).map(({ id }) => id as HostId);
      const answers = await echo.measure(source, some.map(hostAddress), ECHO_TIMEOUT_MS);
      for (const id of some) {
        const roundTripMs = answers.get(hostAddress(id));
        if (roundTripMs !== undefined) roundTrips.set(id, roundTripMs);
      }
    }
    return roundTrips;
  }
}

function pathOf(peer: PeerStatus | undefined, roundTripMs: number | undefined): HostPath {
  const { endpoint, lastHandshakeAt } = peer ?? {};
  return {
    state: roundTripMs === undefined ? 'no path' : 'reached',
    ...(roundTripMs === undefined ? {} : { round_trip_ms: roundTripMs }),
    ...(endpoint === undefined
      ? {}
      : { endpoint: formatHostPort({ host: endpoint.address, port: endpoint.port }) }),
    ...(lastHandshakeAt === undefined ? {} : { last_handshake_at: lastHandshakeAt }),
  };
}
