// Operators of this host in networks: for as long as one asks, the agent keeps this host present in
// his network, with an address to send from and the network's names.

import type { HostId, NetworkId } from '../addressing/ids.ts';
import { presenceAddress } from '../addressing/layout.ts';
import { DEFAULT_ORGANIZATION, foldNetworkName } from '../addressing/names.ts';
import type { Agent } from '../agent/agent.ts';
import type { HostLedger } from '../agent/host-ledger.ts';
import type { EchoPort } from '../agent/ports.ts';
import type { PingReply, PingRequest, VisitQuery, VisitView } from '../api/contract/visits.ts';
import type { RegistryService, VisitService } from '../api/services.ts';
import { P6nError } from '../base/errors.ts';
import type { Follower } from '../follower/follower.ts';
import { canonicalIpv6 } from '../ip/ipv6-address.ts';
import type { Principal } from '../registry/authority.ts';

/** How long servers have to tell of a network that this host has not followed, milliseconds. */
const KNOWN_TIMEOUT_MS = 10_000;
const PING_TIMEOUT_MS = 1_000;

export interface VisitServiceDependencies {
  readonly agent: Pick<Agent, 'applied' | 'visits'>;
  readonly ledger: Pick<HostLedger, 'current'>;
  readonly follower: Pick<Follower, 'onChange'>;
  readonly registry: Pick<RegistryService, 'getNetwork'>;
  readonly echo: EchoPort;
}

export class LocalVisitService implements VisitService {
  readonly #dependencies: VisitServiceDependencies;
  readonly #host: HostId;

  constructor(dependencies: VisitServiceDependencies, host: HostId) {
    this.#dependencies = dependencies;
    this.#host = host;
  }

  async *visit(
    principal: Principal,
    query: VisitQuery,
    signal: AbortSignal,
  ): AsyncGenerator<VisitView> {
    const { agent } = this.#dependencies;
    const { id, name } = await this.#find(principal, query);
    const end = agent.visits.begin(id);
    try {
      await this.#known(id, signal);
      const { failures } = await agent.applied();
      const [failure] = failures.values();
      if (failure !== undefined) throw failure;
      yield { network: name, network_id: id, address: presenceAddress(id, this.#host) };
      await aborted(signal);
    } finally {
      end();
    }
  }

  async ping(_: Principal, { network_id: network, address }: PingRequest): Promise<PingReply> {
    const target = canonicalIpv6(address);
    if (target === undefined) {
      throw new P6nError('VALUE_INVALID', `Cannot ping "${address}": it is no IPv6 address`);
    }
    const source = presenceAddress(network as NetworkId, this.#host);
    const answers = await this.#dependencies.echo.measure(source, [target], PING_TIMEOUT_MS);
    const roundTripMs = answers.get(target);
    return roundTripMs === undefined ? {} : { round_trip_ms: roundTripMs };
  }

  /** A network that is known here needs no server. */
  async #find(principal: Principal, query: VisitQuery): Promise<{ id: NetworkId; name: string }> {
    const { ledger, registry } = this.#dependencies;
    const { network, organization = DEFAULT_ORGANIZATION } = query;
    for (const one of ledger.current().networks) {
      const isMeant = foldNetworkName(one.name) === foldNetworkName(network);
      if (isMeant && one.organization === organization) return one;
    }
    const view = await registry.getNetwork(principal, { name: network, organization });
    return { id: view.id as NetworkId, name: view.name };
  }

  async #known(network: NetworkId, signal: AbortSignal): Promise<void> {
    const { follower, ledger } = this.#dependencies;
    const isKnown = (): boolean => [...ledger.current().networks].some(({ id }) => id === network);
    if (isKnown()) return;
    await new Promise<void>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        forget();
        settle();
      };
      const timer = setTimeout(() => {
        finish(() => reject(new P6nError('SERVER_UNREACHABLE', 'Cannot learn of the network')));
      }, KNOWN_TIMEOUT_MS);
      const forget = follower.onChange(() => {
        if (isKnown()) finish(resolve);
      });
      signal.addEventListener('abort', () => finish(resolve), { once: true });
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
