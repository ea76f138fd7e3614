// What Docker says to a network driver (libnetwork, docs/remote.md), as far as it is looked at, and
// what is answered. Everything that arrives is checked here.

import { P6nError } from '../../base/errors.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Docker's own options are its own business. */
const DOCKER_PREFIX = 'com.docker.';
const GENERIC_OPTIONS = 'com.docker.network.generic';
const METADATA_PREFIX = 'metadata.';
/** Ids are hexadecimal, or of Swarm. */
const ID_PATTERN = /^[0-9a-z]{1,64}$/;

/** What the instances of a network, or of one endpoint of it, are. */
export interface Facts {
  readonly app?: string;
  readonly group?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface CreateNetwork {
  readonly networkId: string;
  readonly facts: Facts;
}

export interface Endpoint {
  readonly networkId: string;
  readonly endpointId: string;
}

export interface CreateEndpoint extends Endpoint {
  readonly facts: Facts;
}

export interface Join extends Endpoint {
  /** Path of the container's namespace, which is not there yet. */
  readonly sandbox: string;
}

/** The answer to Join: which interface to move, its name afterwards, and what it leads to. */
export interface Joined {
  readonly InterfaceName: { readonly SrcName: string; readonly DstPrefix: string };
  readonly StaticRoutes: readonly { readonly Destination: string; readonly RouteType: number }[];
  readonly DisableGatewayService: boolean;
}

export function parseCreateNetwork(body: unknown): CreateNetwork {
  const { IPv6Data: pools, NetworkID: networkId, Options: options } = requireFields(body);
  if (Array.isArray(pools) && pools.length > 0) {
    throw new P6nError('VALUE_INVALID', 'Cannot create the network: p6n gives out IPv6 addresses', {
      hint: 'Leave --ipv6 and its --subnet away.',
    });
  }
  const generic = isFields(options) ? options[GENERIC_OPTIONS] : undefined;
  const facts = parseFacts(isFields(generic) ? generic : {}, ' with -o');
  return { networkId: requireId('NetworkID', networkId), facts };
}

export function parseEndpoint(body: unknown): Endpoint {
  const { EndpointID: endpointId, NetworkID: networkId } = requireFields(body);
  return {
    networkId: requireId('NetworkID', networkId),
    endpointId: requireId('EndpointID', endpointId),
  };
}

export function parseCreateEndpoint(body: unknown): CreateEndpoint {
  const { Interface: given, Options: options } = requireFields(body);
  const address = isFields(given) ? given['AddressIPv6'] : undefined;
  if (address !== undefined && address !== '') {
    throw new P6nError('VALUE_INVALID', 'Cannot connect: p6n gives out IPv6 addresses', {
      hint: 'Leave --ip6 away.',
    });
  }
  return { ...parseEndpoint(body), facts: parseFacts(isFields(options) ? options : {}, '') };
}

export function parseJoin(body: unknown): Join {
  const { SandboxKey: sandbox } = requireFields(body);
  if (typeof sandbox === 'string' && sandbox.startsWith('/')) {
    return { ...parseEndpoint(body), sandbox };
  }
  throw new P6nError('VALUE_INVALID', 'Cannot join: SandboxKey is not the path of a namespace');
}

export function parseNetworkId(body: unknown): string {
  return requireId('NetworkID', requireFields(body)['NetworkID']);
}

/** Facts in options: `app=web`, `group=worker`, `metadata.role=primary`. */
export function parseFacts(options: Fields, how: string): Facts {
  const metadata: [string, string][] = [];
  const facts: { app?: string; group?: string } = {};
  for (const [key, value] of Object.entries(options)) {
    if (key.startsWith(DOCKER_PREFIX)) continue;
    if (typeof value !== 'string') throw unknownOption(key, how);
    if (key === 'app' || key === 'group') facts[key] = value;
    else if (key.startsWith(METADATA_PREFIX)) {
      metadata.push([key.slice(METADATA_PREFIX.length), value]);
    } else throw unknownOption(key, how);
  }
  return { ...facts, ...(metadata.length === 0 ? {} : { metadata: Object.fromEntries(metadata) }) };
}

function unknownOption(key: string, how: string): P6nError {
  return new P6nError('VALUE_INVALID', `Cannot use option "${key.slice(0, 64)}"${how}`, {
    hint: 'The options are app, group and metadata.KEY.',
  });
}

function requireId(name: string, value: unknown): string {
  if (typeof value === 'string' && ID_PATTERN.test(value)) return value;
  throw new P6nError('VALUE_INVALID', `Cannot read the request: ${name} is not an id`);
}

function requireFields(body: unknown): Fields {
  if (isFields(body)) return body;
  throw new P6nError('VALUE_INVALID', 'Cannot read the request: it is no JSON object');
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
