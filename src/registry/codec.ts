// Records to text and back, each kind with its fields (record-fields.ts). Fields that this version
// does not know are left out.

import { isMachineId } from '../addressing/ids.ts';
import {
  ABSENCES,
  APPS,
  CLOSURE,
  GATEWAYS,
  HOSTS,
  INSTANCES,
  NETWORKS,
  PEER_REMOVALS,
  REMOVALS,
  REVOCATIONS,
  SITE_KEYS,
  WIREGUARD_PEERS,
} from './keys.ts';
import {
  type App,
  CLOSURE_REASONS,
  type Closure,
  type FollowedRecord,
  type Gateway,
  type GatewayKey,
  type Host,
  type HostAbsence,
  type HostKey,
  type HostLease,
  type HostRemoval,
  type HostSecret,
  type Instance,
  type Invite,
  type InviteUse,
  type Network,
  type Organization,
  type PeerRemovals,
  type Site,
  type SiteKey,
  type TokenRecord,
  type TokenRevocation,
  type WireguardPeer,
} from './model.ts';
import { damaged, Fields, type StoredText } from './record-fields.ts';

type StoredRecord =
  | FollowedRecord
  | HostLease
  | HostSecret
  | Invite
  | Organization
  | Site
  | TokenRecord;

export function encodeRecord(record: StoredRecord): string {
  return JSON.stringify(record);
}

export function decodeSite(stored: StoredText): Site {
  const fields = new Fields(stored, 'site');
  return {
    kind: 'site',
    id: fields.text('id'),
    publicKey: fields.text('publicKey'),
    // A record of a version that did not know of it says nothing.
    hostOperatorsWrite:
      !fields.has('hostOperatorsWrite') || fields.oneOf('hostOperatorsWrite', [true, false]),
    createdAt: fields.time('createdAt'),
  };
}

export function decodeOrganization(stored: StoredText): Organization {
  const fields = new Fields(stored, 'organization');
  return {
    kind: 'organization',
    name: fields.text('name'),
    createdAt: fields.time('createdAt'),
  };
}

export function decodeNetwork(stored: StoredText): Network {
  const fields = new Fields(stored, 'network');
  return {
    kind: 'network',
    id: fields.network('id'),
    name: fields.text('name'),
    organization: fields.text('organization'),
    regionScoped: fields.oneOf('regionScoped', [true, false]),
    createdAt: fields.time('createdAt'),
  };
}

export function decodeApp(stored: StoredText): App {
  const fields = new Fields(stored, 'app');
  return {
    kind: 'app',
    name: fields.text('name'),
    organization: fields.text('organization'),
    network: fields.network('network'),
    createdAt: fields.time('createdAt'),
  };
}

export function decodeSiteKey(stored: StoredText): SiteKey {
  const fields = new Fields(stored, 'site-key');
  return {
    kind: 'site-key',
    site: fields.text('site'),
    generation: fields.integer('generation'),
    publicKey: fields.text('publicKey'),
    signature: fields.text('signature'),
    ...(fields.has('endorsement') ? { endorsement: fields.text('endorsement') } : {}),
    createdAt: fields.time('createdAt'),
  };
}

export function decodeHost(stored: StoredText): Host {
  const fields = new Fields(stored, 'host');
  return {
    kind: 'host',
    id: fields.host('id'),
    name: fields.text('name'),
    region: fields.text('region'),
    ...decodeHostKey(fields),
    ...(fields.has('next') ? { next: decodeHostKey(fields.nested('next')) } : {}),
    endpoints: fields.texts('endpoints'),
    ...(fields.has('observed') ? { observed: fields.textMap('observed') } : {}),
    role: fields.oneOf('role', ['server', 'agent']),
    ...(fields.has('drainedAt') ? { drainedAt: fields.time('drainedAt') } : {}),
    createdAt: fields.time('createdAt'),
  };
}

/** A record of a version that did not sign has a key of the first generation. */
function decodeHostKey(fields: Fields): HostKey {
  return {
    publicKey: fields.text('publicKey'),
    generation: fields.has('generation') ? fields.integer('generation') : 1,
    signature: fields.has('signature') ? fields.text('signature') : '',
  };
}

export function decodeHostRemoval(stored: StoredText): HostRemoval {
  const fields = new Fields(stored, 'host-removal');
  return {
    kind: 'host-removal',
    host: fields.host('host'),
    signature: fields.text('signature'),
    removedAt: fields.time('removedAt'),
  };
}

export function decodeHostAbsence(stored: StoredText): HostAbsence {
  const fields = new Fields(stored, 'host-absence');
  return { kind: 'host-absence', host: fields.host('host'), since: fields.time('since') };
}

export function decodeClosure(stored: StoredText): Closure {
  const fields = new Fields(stored, 'closure');
  return {
    kind: 'closure',
    reason: fields.oneOf('reason', CLOSURE_REASONS),
    since: fields.time('since'),
    facts: fields.text('facts'),
  };
}

export function decodeHostLease(stored: StoredText): HostLease {
  const fields = new Fields(stored, 'host-lease');
  return {
    kind: 'host-lease',
    host: fields.host('host'),
    server: fields.host('server'),
    acknowledged: fields.texts('acknowledged'),
  };
}

export function decodeHostSecret(stored: StoredText): HostSecret {
  const fields = new Fields(stored, 'host-secret');
  return {
    kind: 'host-secret',
    host: fields.host('host'),
    secretHash: fields.text('secretHash'),
  };
}

export function decodeInvite(stored: StoredText): Invite {
  const fields = new Fields(stored, 'invite');
  return {
    kind: 'invite',
    server: fields.host('server'),
    number: fields.integer('number'),
    publicKey: fields.text('publicKey'),
    region: fields.has('region') ? fields.text('region') : undefined,
    role: fields.oneOf('role', ['server', 'agent']),
    createdAt: fields.time('createdAt'),
    expiresAt: fields.time('expiresAt'),
    signature: fields.has('signature') ? fields.text('signature') : '',
    use: decodeUse(fields),
  };
}

function decodeUse(fields: Fields): InviteUse | undefined {
  if (!fields.has('use')) return undefined;
  const use = fields.nested('use');
  return { publicKey: use.text('publicKey'), host: use.host('host') };
}

export function decodeToken(stored: StoredText): TokenRecord {
  const fields = new Fields(stored, 'token');
  return {
    kind: 'token',
    id: fields.text('id'),
    label: fields.text('label'),
    ...(fields.has('verbs') ? { verbs: fields.texts('verbs') } : {}),
    ...(fields.has('organizations') ? { organizations: fields.texts('organizations') } : {}),
    ...(fields.has('apps') ? { apps: fields.texts('apps') } : {}),
    createdAt: fields.time('createdAt'),
    expiresAt: fields.time('expiresAt'),
  };
}

export function decodeRevocation(stored: StoredText): TokenRevocation {
  const fields = new Fields(stored, 'token-revocation');
  return {
    kind: 'token-revocation',
    id: fields.text('id'),
    revokedAt: fields.time('revokedAt'),
    expiresAt: fields.time('expiresAt'),
  };
}

export function decodeInstance(stored: StoredText): Instance {
  const fields = new Fields(stored, 'instance');
  const machineId = fields.text('machineId');
  if (!isMachineId(machineId)) throw fields.damaged('machineId');
  return {
    kind: 'instance',
    machineId,
    app: fields.text('app'),
    network: fields.network('network'),
    host: fields.host('host'),
    instanceId: fields.instance('instanceId'),
    address: fields.address('address'),
    name: fields.text('name'),
    group: fields.text('group'),
    region: fields.text('region'),
    metadata: fields.textMap('metadata'),
    state: fields.oneOf('state', ['created', 'started', 'stopped']),
    ...fields.declared(),
    createdAt: fields.time('createdAt'),
    updatedAt: fields.time('updatedAt'),
  };
}

export function decodeGateway(stored: StoredText): Gateway {
  const fields = new Fields(stored, 'gateway');
  return {
    kind: 'gateway',
    host: fields.host('host'),
    networks: fields.networks('networks'),
    ...(fields.has('key') ? { key: decodeGatewayKey(fields.nested('key')) } : {}),
  };
}

function decodeGatewayKey(fields: Fields): GatewayKey {
  return {
    publicKey: fields.text('publicKey'),
    endpoints: fields.texts('endpoints'),
    signature: fields.text('signature'),
  };
}

export function decodeWireguardPeer(stored: StoredText): WireguardPeer {
  const fields = new Fields(stored, 'wireguard-peer');
  return {
    kind: 'wireguard-peer',
    network: fields.network('network'),
    name: fields.text('name'),
    host: fields.host('host'),
    number: fields.peerNumber('number'),
    publicKey: fields.text('publicKey'),
    signature: fields.text('signature'),
    createdAt: fields.time('createdAt'),
  };
}

export function decodePeerRemovals(stored: StoredText): PeerRemovals {
  const fields = new Fields(stored, 'peer-removals');
  return {
    kind: 'peer-removals',
    network: fields.network('network'),
    numbers: fields.text('numbers'),
    signature: fields.text('signature'),
  };
}

/** A record that followers may see, by its key. */
export function decodeFollowed(stored: StoredText): FollowedRecord {
  if (stored.key.startsWith(HOSTS)) return decodeHost(stored);
  if (stored.key.startsWith(SITE_KEYS)) return decodeSiteKey(stored);
  if (stored.key.startsWith(REMOVALS)) return decodeHostRemoval(stored);
  if (stored.key.startsWith(ABSENCES)) return decodeHostAbsence(stored);
  if (stored.key.startsWith(REVOCATIONS)) return decodeRevocation(stored);
  if (stored.key.startsWith(GATEWAYS)) return decodeGateway(stored);
  if (stored.key.startsWith(NETWORKS)) return decodeNetwork(stored);
  if (stored.key.startsWith(APPS)) return decodeApp(stored);
  if (stored.key.startsWith(INSTANCES)) return decodeInstance(stored);
  if (stored.key === CLOSURE) return decodeClosure(stored);
  if (stored.key.startsWith(WIREGUARD_PEERS)) return decodeWireguardPeer(stored);
  if (stored.key.startsWith(PEER_REMOVALS)) return decodePeerRemovals(stored);
  throw damaged(stored.key, 'it stands where no record of its kind does');
}
