// Services behind the API for tests: each answers with one sample of its contract and remembers
// what it was asked; a test replaces the methods that it is about.

import type { HostId, NetworkId } from '../../src/addressing/ids.ts';
import type { MeshServices, OperatorServices } from '../../src/api/api.ts';
import type { AppView } from '../../src/api/contract/apps.ts';
import type { Enrolled } from '../../src/api/contract/enrolment.ts';
import type { AuditEntry, EventView } from '../../src/api/contract/events.ts';
import type { HostView } from '../../src/api/contract/hosts.ts';
import type { InstanceSurroundings, InstanceView } from '../../src/api/contract/instances.ts';
import type { InviteView } from '../../src/api/contract/invites.ts';
import type { NameAnswer } from '../../src/api/contract/names.ts';
import type { NetworkView } from '../../src/api/contract/networks.ts';
import type { OrganizationView } from '../../src/api/contract/organizations.ts';
import type { RegistryView } from '../../src/api/contract/registry.ts';
import type { SiteView } from '../../src/api/contract/site.ts';
import type { StatusView } from '../../src/api/contract/status.ts';
import type { TokenView } from '../../src/api/contract/tokens.ts';
import type { VisitView } from '../../src/api/contract/visits.ts';
import type { PeerSession, WireguardPeerView } from '../../src/api/contract/wireguard.ts';
import type {
  EnrolmentService,
  FollowService,
  InstanceService,
  OutputEvent,
  RegistryService,
} from '../../src/api/services.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { fileStart } from '../../src/dataplane/capture/pcapng.ts';
import type { FollowEvent } from '../../src/registry/model.ts';

export const HERE: HostId = 0x10000 as HostId;
export const HOST_ADDRESS = 'fdaa:0:0:1:0::1';
export const OTHER_HOST_ADDRESS = 'fdaa:0:0:1:1::1';
export const INVITE_ADDRESS = 'fdaa:0:0:1:0:0:a:7';
export const SECRET = 'secret-of-the-host';

export const ORGANIZATION: OrganizationView = { name: 'acme', created_at: 1 };

export const NETWORK: NetworkView = {
  id: 0x18_0a7b,
  name: 'blue',
  organization: 'default',
  prefix: 'fdaa:18:a7b::/48',
  region_scoped: false,
  created_at: 1,
};

export const APP: AppView = {
  id: 'web',
  name: 'web',
  machine_count: 1,
  volume_count: 0,
  network: 'blue',
  organization: { name: 'default', slug: 'default' },
  status: 'deployed',
  created_at: 1_708_631_799_000,
};

export const HOST: HostView = {
  id: HERE,
  name: 'one',
  region: 'ams',
  role: 'server',
  address: HOST_ADDRESS,
  public_key: 'Dk6IMRAdiWkqKXMyJq2y6UvVTbAfOCSTVLZWrRO9hjk=',
  key_generation: 1,
  endpoints: ['192.0.2.1:51820'],
  observed_endpoints: [],
  liveness: 'alive',
  last_seen_at: 119_001,
  created_at: 1,
};

export const SITE: SiteView = {
  id: '0123456789abcdef',
  keys: [{ generation: 1, public_key: HOST.public_key, created_at: 1 }],
  host_operators_write: true,
  created_at: 1,
};

export const INVITE: InviteView = {
  number: 7,
  server: 'one',
  address: INVITE_ADDRESS,
  state: 'open',
  created_at: 1,
  expires_at: 3_600_001,
};

export const TOKEN: TokenView = {
  id: '0123456789abcdef',
  label: 'ci',
  verbs: ['read'],
  apps: ['web'],
  created_at: 1,
  expires_at: 3_600_001,
};

export const INSTANCE: InstanceView = {
  id: '0123456789abcd',
  name: 'web-1',
  app: 'web',
  network: 'blue',
  network_id: NETWORK.id,
  host: 'one',
  host_id: HERE,
  region: 'ams',
  group: 'app',
  address: 'fdaa:18:a7b:1:0:b83b:2:2',
  state: 'started',
  metadata: { tier: 'front' },
  created_at: 1,
  updated_at: 2,
};

export const SURROUNDINGS: InstanceSurroundings = {
  namespace: '/proc/7/ns/net',
  mounts: '/proc/7/ns/mnt',
  environment: { P6N_APP: 'web' },
  working_directory: '/srv',
};

export const STATUS: StatusView = {
  version: '0.1.0',
  started_at: 1,
  host: {
    id: HERE,
    name: 'one',
    region: 'ams',
    role: 'server',
    address: HOST_ADDRESS,
    public_key: HOST.public_key,
    listen_port: 51_820,
    endpoints: ['192.0.2.1:51820'],
    state_dir: '/var/lib/p6n',
  },
  registry: { state: 'serving', revision: 'a/7' },
  peers: [
    {
      name: 'two',
      public_key: HOST.public_key,
      address: OTHER_HOST_ADDRESS,
      endpoint: '192.0.2.2:51820',
      last_handshake_at: 60_001,
      received_bytes: 2_048,
      sent_bytes: 17,
      path_mtu: 1_420,
    },
  ],
  instances: [
    {
      id: INSTANCE.id,
      name: 'web-1',
      app: 'web',
      network: 'blue',
      address: INSTANCE.address,
      state: 'started',
    },
  ],
  drops: { 'network-mismatch': 3 },
  names: { answered: 2 },
};

export const ENROLLED: Enrolled = {
  host_id: 0x10001,
  name: 'two',
  region: 'fra',
  secret: SECRET,
  site_key: HOST.public_key,
  servers: [
    {
      id: HERE,
      name: 'one',
      region: 'ams',
      public_key: HOST.public_key,
      endpoints: ['192.0.2.1:51820'],
    },
  ],
};

export const WIREGUARD_PEER: WireguardPeerView = {
  name: 'anna',
  network: 'blue',
  network_id: NETWORK.id,
  organization: 'default',
  host: 'one',
  host_id: HERE,
  address: 'fdaa:1:2:1:9:0:a:1',
  public_key: `${'B'.repeat(42)}A=`,
  prefix: 'fdaa:1:2::/48',
  nameserver: 'fdaa:1:2::3',
  gateway: { public_key: `${'C'.repeat(42)}A=`, endpoints: ['192.0.2.1:51821'] },
  created_at: 1,
};

export const VISIT: VisitView = {
  network: 'blue',
  network_id: NETWORK.id,
  address: 'fdaa:18:a7b:1:9::1',
};

export const PEER_SESSION: PeerSession = {
  endpoint: '198.51.100.7:4711',
  last_handshake_at: 60_001,
  received_bytes: 2_048,
  sent_bytes: 512,
};

export const EVENTS_SAMPLE: readonly EventView[] = [
  { revision: '0123456789abcdef.7', objects: [] },
  {
    revision: '0123456789abcdef.9',
    at: 1_708_631_799_000,
    objects: [
      { verb: 'created', kind: 'app', id: 'web', record: { kind: 'app', name: 'web' } },
      { verb: 'removed', kind: 'instance', id: INSTANCE.id },
    ],
  },
];

export const AUDIT_SAMPLE: AuditEntry = {
  revision: '0123456789abcdef.9',
  at: 1_708_631_799_000,
  by: { kind: 'host-operator', host_id: HERE },
  action: 'create app "web"',
  objects: [{ verb: 'created', kind: 'app', id: 'web' }],
};

export const CAPTURE_SAMPLE: readonly Uint8Array[] = [fileStart('p6nd', 64)];

export const NAME_ANSWER_SAMPLE: NameAnswer = {
  name: 'web.internal',
  type: 'AAAA',
  network: 'blue',
  network_id: NETWORK.id,
  outcome: 'NOERROR',
  handler: 'app',
  why: 'The name exists (all started instances of an app).',
  records: [{ name: 'web.internal', type: 'AAAA', ttl: 5, data: INSTANCE.address }],
};

export interface Call {
  readonly method: string;
  readonly arguments: readonly unknown[];
}

export interface FakeServices extends OperatorServices, MeshServices {
  readonly calls: Call[];
  readonly registry: RegistryService;
  readonly instances: InstanceService;
  readonly enrolment: EnrolmentService;
  readonly follow: FollowService;
}

/** Services that answer with the samples above. */
export function fakeServices(
  overrides: {
    readonly registry?: Partial<RegistryService>;
    readonly instances?: Partial<InstanceService>;
    readonly enrolment?: Partial<EnrolmentService>;
    readonly follow?: Partial<FollowService>;
  } = {},
): FakeServices {
  const calls: Call[] = [];
  const answering =
    <R>(method: string, answer: R) =>
    (...rest: readonly unknown[]): Promise<R> => {
      calls.push({ method, arguments: rest });
      return Promise.resolve(answer);
    };
  const registry: RegistryService = {
    listOrganizations: answering('listOrganizations', { organizations: [ORGANIZATION] }),
    createOrganization: answering('createOrganization', ORGANIZATION),
    listNetworks: answering('listNetworks', { networks: [NETWORK] }),
    createNetwork: answering('createNetwork', NETWORK),
    getNetwork: answering('getNetwork', NETWORK),
    removeNetwork: answering('removeNetwork', undefined),
    listApps: answering('listApps', { total_apps: 1, apps: [summaryOf(APP)] }),
    createApp: answering('createApp', { id: APP.id, created_at: APP.created_at }),
    getApp: answering('getApp', APP),
    removeApp: answering('removeApp', undefined),
    getSite: answering('getSite', SITE),
    updateSite: answering('updateSite', SITE),
    rotateSiteKey: answering('rotateSiteKey', { site: SITE, signed: 2, refused: [] }),
    rehomeHost: answering('rehomeHost', { token: 'p6n1h_token' }),
    drainHost: answering('drainHost', HOST),
    listHosts: answering('listHosts', { hosts: [HOST] }),
    getHost: answering('getHost', HOST),
    removeHost: answering('removeHost', undefined),
    events: () => values(EVENTS_SAMPLE),
    audit: answering('audit', { entries: [AUDIT_SAMPLE] }),
    listPeers: answering('listPeers', { peers: [WIREGUARD_PEER] }),
    createPeer: answering('createPeer', WIREGUARD_PEER),
    getPeer: answering('getPeer', WIREGUARD_PEER),
    removePeer: answering('removePeer', undefined),
    listInvites: answering('listInvites', { invites: [INVITE] }),
    createInvite: answering('createInvite', { invite: INVITE, token: 'p6n1_token' }),
    revokeInvite: answering('revokeInvite', undefined),
    listInstances: answering('listInstances', { instances: [INSTANCE] }),
    ...overrides.registry,
  };
  const instances: InstanceService = {
    hostId: () => HERE,
    list: answering('list', [INSTANCE]),
    show: answering('show', INSTANCE),
    run: answering('run', INSTANCE),
    runCluster: answering('runCluster', [INSTANCE]),
    attach: answering('attach', INSTANCE),
    start: answering('start', INSTANCE),
    stop: answering('stop', { ...INSTANCE, state: 'stopped' as const }),
    remove: answering('remove', undefined),
    setMetadata: answering('setMetadata', INSTANCE),
    surroundings: answering('surroundings', SURROUNDINGS),
    output: () => values<OutputEvent>(OUTPUT),
    ...overrides.instances,
  };
  return {
    calls,
    registry,
    registryKeeper: {
      show: answering('showRegistry', REGISTRY),
      export: answering('exportRegistry', { path: '/x', entries: 7 }),
      import: answering('importRegistry', REGISTRY),
      accept: answering('acceptRegistry', REGISTRY),
    },
    tokens: {
      list: answering('listTokens', { tokens: [TOKEN] }),
      create: answering('createToken', { details: TOKEN, token: 'p6nt_token' }),
      revoke: answering('revokeToken', undefined),
    },
    instances,
    membership: {
      paths: answering('paths', new Map([[HERE, { state: 'self' as const }]])),
      rotateKey: answering('rotateKey', HOST),
    },
    gateway: {
      sessions: answering('sessions', new Map([[WIREGUARD_PEER.public_key, PEER_SESSION]])),
    },
    visits: { visit: () => values([VISIT]), ping: answering('ping', { round_trip_ms: 0.5 }) },
    status: { status: answering('status', STATUS) },
    debug: { debug: answering('debug', { config: {}, log: ['{}\n'] }) },
    capture: { capture: answering('capture', () => values(CAPTURE_SAMPLE)) },
    metrics: { metrics: answering('metrics', '# HELP p6n_peers Peers.\n') },
    host: { reset: answering('resetHost', undefined) },
    explain: {
      explain: answering('explain', {
        verdict: 'drop' as const,
        rule: 'network-mismatch',
        sentence: 'The networks differ.',
      }),
    },
    names: {
      lookup: answering('lookupName', NAME_ANSWER_SAMPLE),
      watch: () => values([NAME_ANSWER_SAMPLE]),
    },
    follow: {
      lookupApp: answering('lookupApp', undefined),
      follow: () => values(FEED_TEXT),
      ...overrides.follow,
    },
    hostWrites: {
      updateHost: answering('updateHost', undefined),
      updateGateway: answering('updateGateway', undefined),
      heartbeat: answering('heartbeat', undefined),
      publishNextKey: answering('publishNextKey', undefined),
      nextKeyState: answering('nextKeyState', { ready: true, missing: [] }),
      withdrawNextKey: answering('withdrawNextKey', undefined),
      switchKey: answering('switchKey', undefined),
      siteKey: answering('siteKey', { site_key: 'public', site_secret_key: 'secret' }),
      reportIds: answering('reportIds', undefined),
      putInstance: answering('putInstance', undefined),
      removeInstance: answering('removeInstance', undefined),
    },
    enrolment: { enrol: answering('enrol', ENROLLED), ...overrides.enrolment },
    authenticator: {
      isHostSecret: (_host, secret) => Promise.resolve(secret === SECRET),
    },
  };
}

export const REGISTRY: RegistryView = {
  state: 'restored',
  incarnation: '0123456789abcdef',
  revision: 7,
  facts: 'it is older',
  since: 1,
  reports: 2,
};

export const OUTPUT: readonly OutputEvent[] = [
  { type: 'output', stream: 'stdout', data: new TextEncoder().encode('out\n') },
  { type: 'output', stream: 'stderr', data: new TextEncoder().encode('err\n') },
  { type: 'skipped', bytes: 12 },
  { type: 'exit', exit: { code: 0, signal: undefined } },
];

export const FEED: readonly FollowEvent[] = [
  { type: 'reset' },
  {
    type: 'put',
    key: `network/${NETWORK.id}`,
    record: {
      kind: 'network',
      id: NETWORK.id as NetworkId,
      name: 'blue',
      organization: 'default',
      regionScoped: false,
      createdAt: 1 as WallMillis,
    },
  },
  { type: 'synced', revision: { incarnation: 'a', number: 7 } },
];

export const FEED_TEXT: readonly Uint8Array[] = FEED.map((event) =>
  Buffer.from(`${JSON.stringify(event)}\n`),
);

/** An iterable of these values, each a turn of the event loop after the one before. */
export async function* values<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) {
    await Promise.resolve();
    yield item;
  }
}

function summaryOf(app: AppView): Omit<AppView, 'status' | 'created_at'> {
  const { status: _, created_at: __, ...summary } = app;
  return summary;
}
