// Docker's network driver: a network of Docker is an app, an endpoint an instance of it. p6nd makes
// the interface of an endpoint in its own namespace and Docker moves it into the container, before
// anything runs there:
//
//   CreateEndpoint             Join                  Docker               DeleteEndpoint
//   interface and address ---> where it leads to --> moves it, p6n0 ----> instance is removed
//                               \-> the container's resolver
//
// Endpoints are in p6nd's journal under their owner, so a restart of either side loses none.

import type { ClientPart } from '../../api/client.ts';
import type { InstanceView } from '../../api/contract/instances.ts';
import { P6nError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { NetworkBook, NetworkFacts } from './network-book.ts';
import {
  type Endpoint,
  type Joined,
  parseCreateEndpoint,
  parseCreateNetwork,
  parseEndpoint,
  parseJoin,
  parseNetworkId,
} from './protocol.ts';
import type { ResolverFiles } from './resolver-files.ts';

const OWNER_PREFIX = 'docker/';
/** Docker puts a number behind it: `p6n0`. */
const INTERFACE_PREFIX = 'p6n';
const HANDOVER_PREFIX = 'p6n-';
/** IFNAMSIZ of Linux less the final zero. */
const INTERFACE_LENGTH_MAX = 15;
const ROUTE = 'fdaa::/16';
/** Through the interface itself, not by way of a neighbour. */
const CONNECTED_ROUTE = 1;

export interface DriverDependencies {
  readonly client: ClientPart<'instances', 'attach' | 'list' | 'remove'> &
    ClientPart<'apps', 'get'>;
  readonly networks: NetworkBook;
  readonly resolvers: ResolverFiles;
  readonly logger: Logger;
}

type Method = (body: unknown) => Promise<object> | object;

export class DockerDriver {
  readonly #dependencies: DriverDependencies;
  readonly #methods: ReadonlyMap<string, Method>;

  constructor(dependencies: DriverDependencies) {
    this.#dependencies = dependencies;
    const nothing = (): object => ({});
    this.#methods = new Map<string, Method>([
      ['Plugin.Activate', () => ({ Implements: ['NetworkDriver'] })],
      ['NetworkDriver.GetCapabilities', () => ({ Scope: 'local', ConnectivityScope: 'local' })],
      ['NetworkDriver.CreateNetwork', (body) => this.#createNetwork(body)],
      ['NetworkDriver.DeleteNetwork', (body) => this.#deleteNetwork(body)],
      ['NetworkDriver.CreateEndpoint', (body) => this.#createEndpoint(body)],
      ['NetworkDriver.DeleteEndpoint', (body) => this.#deleteEndpoint(body)],
      ['NetworkDriver.EndpointOperInfo', () => ({ Value: {} })],
      ['NetworkDriver.Join', (body) => this.#join(body)],
      // The container gives the interface back; it goes with the endpoint.
      ['NetworkDriver.Leave', nothing],
      ['NetworkDriver.DiscoverNew', nothing],
      ['NetworkDriver.DiscoverDelete', nothing],
      ['NetworkDriver.ProgramExternalConnectivity', nothing],
      ['NetworkDriver.RevokeExternalConnectivity', nothing],
    ]);
  }

  /** The answer to a call of Docker's; rejects with P6nErrors. */
  async answer(method: string, body: unknown): Promise<object> {
    const run = this.#methods.get(method);
    if (run !== undefined) return await run(body);
    throw new P6nError('NOT_FOUND', `Cannot serve ${method}: p6n does not have it`);
  }

  /** Sees to containers whose start an earlier p6nd may not have seen to its end. */
  async resume(): Promise<void> {
    for (const { here } of await this.#instances()) {
      if (here?.owner?.startsWith(OWNER_PREFIX) !== true || here.namespace === undefined) continue;
      this.#dependencies.resolvers.follow(here.namespace);
    }
  }

  async #createNetwork(body: unknown): Promise<object> {
    const { facts, networkId } = parseCreateNetwork(body);
    const { client, networks } = this.#dependencies;
    const { app } = facts;
    if (app === undefined) {
      throw new P6nError('VALUE_INVALID', 'Cannot create the network: its app is missing', {
        hint: 'Say it with -o app=NAME.',
      });
    }
    try {
      await client.apps.get(app);
    } catch (error) {
      // Without a server nobody knows; a container of an app that there is not will not start.
      if (!(error instanceof P6nError) || error.fault !== 'environment') throw error;
    }
    await networks.put(networkId, { ...facts, app });
    return {};
  }

  async #deleteNetwork(body: unknown): Promise<object> {
    await this.#dependencies.networks.remove(parseNetworkId(body));
    return {};
  }

  async #createEndpoint(body: unknown): Promise<object> {
    const { endpointId, facts, networkId } = parseCreateEndpoint(body);
    const network = this.#dependencies.networks.get(networkId);
    if (network === undefined) throw unknownNetwork();
    const instance = await this.#dependencies.client.instances.attach({
      ...joined(network, facts),
      owner: ownerOf({ networkId, endpointId }),
      handover: handoverOf(endpointId),
    });
    return { Interface: { AddressIPv6: `${instance.address}/128` } };
  }

  async #deleteEndpoint(body: unknown): Promise<object> {
    const instance = await this.#find(parseEndpoint(body));
    if (instance === undefined) return {};
    try {
      await this.#dependencies.client.instances.remove(instance.id, { force: true });
    } catch (error) {
      // p6nd may have seen by itself that the container is gone.
      if (!(error instanceof P6nError) || error.code !== 'NOT_FOUND') throw error;
    }
    return {};
  }

  async #join(body: unknown): Promise<Joined> {
    const { endpointId, networkId, sandbox } = parseJoin(body);
    const { client, logger, resolvers } = this.#dependencies;
    const owner = ownerOf({ networkId, endpointId });
    const instances = await this.#instances();
    const instance = instances.find(({ here }) => here?.owner === owner);
    if (instance === undefined) {
      throw new P6nError('NOT_FOUND', 'Cannot join: p6n does not know the endpoint');
    }
    const other = instances.find((one) => one !== instance && one.here?.namespace === sandbox);
    if (other !== undefined) throw alreadyInside(other);
    const handover = handoverOf(endpointId);
    const { app, group, id, metadata } = instance;
    await client.instances.attach({ app, group, metadata, owner, handover, netns: sandbox });
    logger.info('container of Docker joins', { machineId: id });
    resolvers.follow(sandbox);
    return {
      InterfaceName: { SrcName: handover, DstPrefix: INTERFACE_PREFIX },
      StaticRoutes: [{ Destination: ROUTE, RouteType: CONNECTED_ROUTE }],
      // No bridge to the world behind the network's back.
      DisableGatewayService: true,
    };
  }

  async #find(endpoint: Endpoint): Promise<InstanceView | undefined> {
    const owner = ownerOf(endpoint);
    return (await this.#instances()).find(({ here }) => here?.owner === owner);
  }

  async #instances(): Promise<readonly InstanceView[]> {
    return (await this.#dependencies.client.instances.list({ here: '1' })).instances;
  }
}

/** What an endpoint says of itself goes before what its network says. */
function joined(network: NetworkFacts, facts: Partial<NetworkFacts>): NetworkFacts {
  const metadata = { ...network.metadata, ...facts.metadata };
  return { ...network, ...facts, metadata };
}

function ownerOf({ endpointId, networkId }: Endpoint): string {
  return `${OWNER_PREFIX}${networkId}/${endpointId}`;
}

function handoverOf(endpointId: string): string {
  return (HANDOVER_PREFIX + endpointId).slice(0, INTERFACE_LENGTH_MAX);
}

function alreadyInside({ app, network }: InstanceView): P6nError {
  return new P6nError(
    'NAMESPACE_INVALID',
    `Cannot connect: the container is an instance of app "${app}" in network "${network}"`,
    { hint: 'A container is in one network of p6n.' },
  );
}

function unknownNetwork(): P6nError {
  return new P6nError('NOT_FOUND', 'Cannot connect: p6n does not know the network', {
    hint: 'Remove it and make it again: `docker network create -d p6n -o app=NAME`.',
  });
}
