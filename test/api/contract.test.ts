// Every contract takes what its interface says and refuses what it does not. The samples that are
// taken are typed, so the compiler holds the other direction.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import * as apps from '../../src/api/contract/apps.ts';
import * as capture from '../../src/api/contract/capture.ts';
import * as debug from '../../src/api/contract/debug.ts';
import * as enrolment from '../../src/api/contract/enrolment.ts';
import * as errors from '../../src/api/contract/error.ts';
import * as events from '../../src/api/contract/events.ts';
import * as explain from '../../src/api/contract/explain.ts';
import * as follow from '../../src/api/contract/follow.ts';
import * as hosts from '../../src/api/contract/hosts.ts';
import * as records from '../../src/api/contract/instance-record.ts';
import * as instances from '../../src/api/contract/instances.ts';
import * as invites from '../../src/api/contract/invites.ts';
import * as names from '../../src/api/contract/names.ts';
import * as networks from '../../src/api/contract/networks.ts';
import * as organizations from '../../src/api/contract/organizations.ts';
import * as registry from '../../src/api/contract/registry.ts';
import * as removal from '../../src/api/contract/removal.ts';
import * as site from '../../src/api/contract/site.ts';
import * as status from '../../src/api/contract/status.ts';
import {
  APP,
  AUDIT_SAMPLE,
  ENROLLED,
  EVENTS_SAMPLE,
  HOST,
  INSTANCE,
  INVITE,
  NAME_ANSWER_SAMPLE,
  NETWORK,
  ORGANIZATION,
  SITE,
  STATUS,
} from '../fakes/api-services.ts';
import { filesBelow } from '../house/tree.ts';
import { type Case, row } from './contract-case.ts';
import { MACHINE_CASES } from './machine-cases.ts';
import { OUTPUT_CASES } from './output-cases.ts';
import { TOKEN_CASES } from './token-cases.ts';
import { WIREGUARD_CASES } from './wireguard-cases.ts';

const KEY = HOST.public_key;
const LONG = 'x'.repeat(256);
const { status: _, created_at: __, ...APP_SUMMARY } = APP;
const HERE_VIEW: instances.InstanceHere = {
  origin: 'run',
  command: ['sleep', '1'],
  namespace: '/run/p6n/netns/web-1',
  pid: 7,
  exit_code: 3,
  problem: 'none',
  published: true,
};
const RECORD: records.InstanceRecord = {
  kind: 'instance',
  machineId: INSTANCE.id,
  app: 'web',
  network: NETWORK.id,
  host: HOST.id,
  instanceId: 0xb83b_0002,
  address: INSTANCE.address,
  name: 'web-1',
  group: 'app',
  region: 'ams',
  metadata: {},
  state: 'started',
  createdAt: 1,
  updatedAt: 2,
};
const MANY_PAIRS = Object.fromEntries(Array.from({ length: 65 }, (_one, index) => [index, 'x']));

const CASES: Readonly<Record<string, Case>> = {
  ...TOKEN_CASES,
  EVENT_VIEW: row(events.EVENT_VIEW, EVENTS_SAMPLE, [
    {},
    { revision: 'a.1' },
    { revision: 'a.1', objects: [{ verb: 'seen', kind: 'app', id: 'x' }] },
  ]),
  EVENT_QUERY: row(events.EVENT_QUERY, [{}, { since: 'a.1' }], [{ since: 1 }, { since: LONG }]),
  AUDIT_LIST: row(
    events.AUDIT_LIST,
    [{ entries: [] }, { entries: [AUDIT_SAMPLE] }],
    [{}, { entries: [{ ...AUDIT_SAMPLE, by: { kind: 'somebody' } }] }],
  ),
  AUDIT_QUERY: row(events.AUDIT_QUERY, [{}, { last: '9999' }], [{ last: '0' }, { last: '10000' }]),
  ERROR_BODY: row(
    errors.ERROR_BODY,
    [
      { error: 'Cannot', code: 'USAGE', status: 'unknown' },
      { error: 'No', code: 'NAME_TAKEN', hint: 'Do', status: 'name_taken', details: 'Cannot' },
    ],
    [
      { error: 'Cannot' },
      { error: 'Cannot', code: 'USAGE' },
      { error: 1, code: 'USAGE', status: 'unknown' },
      { error: '', code: '', status: 'unknown', stack: '' },
    ],
  ),
  ORGANIZATION_VIEW: row(
    organizations.ORGANIZATION_VIEW,
    [ORGANIZATION],
    [{}, { ...ORGANIZATION, x: 1 }],
  ),
  ORGANIZATION_LIST: row(
    organizations.ORGANIZATION_LIST,
    [{ organizations: [] }, { organizations: [ORGANIZATION] }],
    [[], { organizations: [{}] }],
  ),
  CREATE_ORGANIZATION: row(
    organizations.CREATE_ORGANIZATION,
    [{ name: 'acme' }],
    [{}, { name: 7 }, { name: LONG }, { name: 'acme', id: 1 }],
  ),
  NETWORK_VIEW: row(networks.NETWORK_VIEW, [NETWORK], [{ ...NETWORK, id: '1' }, null]),
  NETWORK_LIST: row(networks.NETWORK_LIST, [{ networks: [NETWORK] }], [{ networks: NETWORK }]),
  CREATE_NETWORK: row(
    networks.CREATE_NETWORK,
    [{ name: 'blue' }, { name: 'blue', organization: 'acme', region_scoped: true }],
    [{}, { name: 'blue', region_scoped: 'yes' }, { name: 'blue', id: 7 }, { name: LONG }],
  ),
  NETWORK_FILTER: row(
    networks.NETWORK_FILTER,
    [{}, { organization: 'acme' }],
    [{ org: 'acme' }, { organization: ['a', 'b'] }],
  ),
  CREATE_APP: row(
    apps.CREATE_APP,
    [
      { app_name: 'web' },
      { name: 'web', org_slug: '', network: '', app_role_id: '', enable_subdomains: false },
    ],
    [{ app_name: 7 }, { app_name: 'web', machines: [] }, { app_name: LONG }],
  ),
  APP_CREATED: row(apps.APP_CREATED, [{ id: 'web', created_at: 1 }], [{ id: 'web' }]),
  APP_LIST: row(
    apps.APP_LIST,
    [{ total_apps: 1, apps: [APP_SUMMARY] }],
    [{ apps: [] }, { total_apps: 1, apps: [{ ...APP_SUMMARY, machine_count: 0.5 }] }],
  ),
  APP_VIEW: row(apps.APP_VIEW, [APP], [{ ...APP, status: 'started' }, APP_SUMMARY]),
  APP_FILTER: row(apps.APP_FILTER, [{}, { org_slug: 'acme' }], [{ organization: 'acme' }]),
  EXPORT_REGISTRY: row(
    registry.EXPORT_REGISTRY,
    [{ path: '/x' }, { path: '/x', close: true }],
    [{}, { path: 'x' }, { path: '/x', close: 1 }, { path: `/${'x'.repeat(4_096)}` }],
  ),
  IMPORT_REGISTRY: row(registry.IMPORT_REGISTRY, [{ path: '/x' }], [{}, { path: 'x' }]),
  ACCEPT_REGISTRY: row(
    registry.ACCEPT_REGISTRY,
    [{}, { exports: ['/x'] }],
    [{ exports: ['x'] }, { exports: new Array(17).fill('/x') }],
  ),
  KNOWN_IDS_REPORT: row(
    registry.KNOWN_IDS_REPORT,
    [
      ...[{ networks: [] }, { networks: [65_536], highest_host: 65_536 }],
      { networks: [], peers: [{ network: 65_536, removed: { numbers: 'Ag==', signature: '' } }] },
    ],
    [
      ...[{}, { networks: [-1] }, { networks: [], highest_host: 2 ** 32 }],
      { networks: [], peers: [{}] },
      { networks: [], peers: [{ network: 65_536, removed: { numbers: 'Ag==' } }] },
    ],
  ),
  REMOVE_APP: row(
    apps.REMOVE_APP,
    [{}, { force: 'true' }, { force: '1' }, { force: 'false' }],
    [{ force: 'yes' }, { f: '1' }],
  ),
  HOST_VIEW: row(hosts.HOST_VIEW, [HOST], [{ ...HOST, role: 'client' }]),
  HOST_FILTER: row(hosts.HOST_FILTER, [{}, { paths: '1' }], [{ paths: '0' }, { path: '1' }]),
  HEARTBEAT: row(
    hosts.HEARTBEAT,
    [{ acknowledged: [] }, { acknowledged: ['00010001/aB3+/xyz'] }],
    [{}, { acknowledged: ['x'] }, { acknowledged: new Array(1025).fill('00010001/2') }],
  ),
  NEXT_KEY: row(hosts.NEXT_KEY, [{ public_key: HOST.public_key }], [{}, { public_key: 'x' }]),
  REHOMING: row(hosts.REHOMING, [{ token: 'p6n1h_token' }], [{}]),
  NEXT_KEY_STATE: row(hosts.NEXT_KEY_STATE, [{ ready: true, missing: [7] }], [{ ready: true }]),
  SITE_VIEW: row(site.SITE_VIEW, [SITE], [{ ...SITE, keys: [{}] }]),
  SITE_UPDATE: row(
    site.SITE_UPDATE,
    [{}, { host_operators_write: false }],
    [{ host_operators_write: 'off' }, { created_at: 1 }],
  ),
  SITE_KEY_ROTATED: row(
    site.SITE_KEY_ROTATED,
    [{ site: SITE, signed: 1, refused: ['records/hosts/00010001'] }],
    [{ site: SITE, signed: 1 }],
  ),
  HOST_LIST: row(hosts.HOST_LIST, [{ hosts: [HOST] }], [{ hosts: [null] }]),
  HOST_UPDATE: row(
    hosts.HOST_UPDATE,
    [{}, { region: 'fra' }, { endpoints: ['192.0.2.1:51820'] }],
    [{ name: 'x' }, { endpoints: new Array(17).fill('192.0.2.1:1') }, { region: 1 }],
  ),
  INVITE_VIEW: row(
    invites.INVITE_VIEW,
    [INVITE, { ...INVITE, state: 'used', used_by: 'two', region: 'fra' }],
    [
      { ...INVITE, state: 'lost' },
      { ...INVITE, private_key: KEY },
    ],
  ),
  INVITE_LIST: row(invites.INVITE_LIST, [{ invites: [INVITE] }], [{}]),
  CREATE_INVITE: row(
    invites.CREATE_INVITE,
    [{}, { region: 'fra', ttl_ms: 3_600_000 }],
    [{ ttl_ms: 0 }, { ttl_ms: 1.5e3 + 0.5 }, { ttl_ms: 1e12 }, { ttl: '1h' }],
  ),
  INVITE_CREATED: row(
    invites.INVITE_CREATED,
    [{ invite: INVITE, token: 'p6n1_x' }],
    [{ invite: INVITE }],
  ),
  INSTANCE_VIEW: row(
    instances.INSTANCE_VIEW,
    [INSTANCE, { ...INSTANCE, here: HERE_VIEW }],
    [
      { ...INSTANCE, state: 'gone' },
      { ...INSTANCE, metadata: { a: 1 } },
      { ...INSTANCE, here: {} },
    ],
  ),
  INSTANCE_LIST: row(
    instances.INSTANCE_LIST,
    [{ instances: [INSTANCE] }, { instances: [], incomplete: 'Cannot reach the server' }],
    [{ incomplete: '' }],
  ),
  RUN_INSTANCE: row(
    instances.RUN_INSTANCE,
    [
      { app: 'web', command: ['x'], user: 'a:b', restart: { when: 'on-failure', max: 3 } },
      { app: 'web', command: ['x'], environment: { A: '' }, restart: { when: 'always' } },
      { app: 'web', command: ['sleep', ''] },
      {
        app: 'web',
        name: 'web-1',
        group: 'app',
        metadata: { a: 'b' },
        services: [{ name: 'http', port: 80, protocol: 'tcp' }],
        checks: [
          { type: 'tcp', service: 'http' },
          { type: 'http', service: 'http', path: '/' },
        ],
        command: ['sleep'],
        working_directory: '/srv',
      },
    ],
    [
      { app: 'web' },
      { app: 'web', command: [] },
      { app: 'web', command: 'sleep' },
      { app: 'web', command: new Array(1_025).fill('x') },
      { app: 'web', command: ['sleep'], metadata: MANY_PAIRS },
      { app: 'web', command: ['sleep'], metadata: { a: 'x'.repeat(4_097) } },
      { app: 'web', command: ['sleep'], metadata: { ['k'.repeat(129)]: 'x' } },
      { app: 'web', command: ['sleep'], working_directory: 'srv' },
      { app: 'web', command: ['sleep'], env: {} },
      { app: 'web', command: ['sleep'], services: [{ name: 'a', port: 0, protocol: 'tcp' }] },
      { app: 'web', command: ['sleep'], services: [{ name: 'a', port: 1, protocol: 'sctp' }] },
      { app: 'web', command: ['sleep'], checks: [{ type: 'http', service: 'a' }] },
      { app: 'web', command: ['sleep'], checks: [{ type: 'exec', service: 'a' }] },
    ],
  ),
  ATTACH_INSTANCE: row(
    instances.ATTACH_INSTANCE,
    [
      { app: 'web', netns: '/run/netns/x' },
      { app: 'web', pid: 7 },
      { app: 'web', pid: 7, interface: 'eth0', owner: 'engine/1' },
    ],
    [
      { app: 'web', pid: 7, interface: '..' },
      { app: 'web', pid: 7, interface: 'a/b' },
      { app: 'web', pid: 7, interface: 'a'.repeat(16) },
      { app: 'web', pid: 7, owner: '' },
      { app: 'web', netns: 'x' },
      { app: 'web', pid: 0 },
      { app: 'web', pid: '7' },
    ],
  ),
  STOP_INSTANCE: row(
    instances.STOP_INSTANCE,
    [{}, { grace_ms: 0 }],
    [{ grace_ms: -1 }, { grace_ms: 1e9 }, { signal: 'KILL' }],
  ),
  INSTANCE_FILTER: row(
    instances.INSTANCE_FILTER,
    [{}, { app: 'web', network: 'blue', host: 'one', here: '1' }],
    [{ here: '0' }, { state: 'started' }],
  ),
  ...MACHINE_CASES,
  ...WIREGUARD_CASES,
  REMOVE_QUERY: row(removal.REMOVE_QUERY, [{}, { force: '1' }], [{ force: 'true' }, { f: '1' }]),
  ...OUTPUT_CASES,
  EXPLAIN_REQUEST: row(
    explain.EXPLAIN_REQUEST,
    [
      { from: 'fdaa::1', to: 'fdaa::2' },
      { from: 'fdaa::1', to: 'fdaa::2', protocol: 'tcp', port: 80 },
    ],
    [
      { from: 'fdaa::1' },
      { from: 'fdaa::1', to: 'fdaa::2', port: 0 },
      { from: 'fdaa::1', to: 'fdaa::2', port: 65_536 },
      { from: 'fdaa::1', to: 'fdaa::2', protocol: 'sctp' },
      { from: 'x'.repeat(46), to: 'fdaa::2' },
    ],
  ),
  EXPLANATION: row(
    explain.EXPLANATION,
    [{ verdict: 'pass', rule: 'instance', sentence: 'It may.' }],
    [{ verdict: 'maybe', rule: '', sentence: '' }],
  ),
  CAPTURE_QUERY: row(
    capture.CAPTURE_QUERY,
    [{ network: 'blue' }, { instance: 'web', snap_length: '96', count: '7' }],
    [{ network: 7 }, { network: LONG }, { snap_length: '1' }, { count: '-1' }, { filter: 'x' }],
  ),
  DEBUG_VIEW: row(
    debug.DEBUG_VIEW,
    [{ config: { name: 'one' }, log: ['{}\n'] }],
    [{ config: {} }, { config: 'x', log: [] }, { config: {}, log: [7] }],
  ),
  NAME_QUESTION: row(
    names.NAME_QUESTION,
    [{ name: 'web.internal' }, { name: 'web.internal', type: 'TXT', network: 'blue' }],
    [{}, { name: 7 }, { name: LONG }, { name: 'web.internal', class: 'CH' }],
  ),
  NAME_ANSWER: row(
    names.NAME_ANSWER,
    [NAME_ANSWER_SAMPLE, { ...NAME_ANSWER_SAMPLE, records: [] }],
    [
      { ...NAME_ANSWER_SAMPLE, records: [{}] },
      { ...NAME_ANSWER_SAMPLE, outcome: 3 },
    ],
  ),
  STATUS_VIEW: row(
    status.STATUS_VIEW,
    [
      STATUS,
      { ...STATUS, peers: [], instances: [], drops: {}, registry: { state: 'unreachable' } },
    ],
    [
      { ...STATUS, drops: { x: '1' } },
      { ...STATUS, host: { ...STATUS.host, private_key: KEY } },
    ],
  ),
  FOLLOW_QUERY: row(
    follow.FOLLOW_QUERY,
    [{}, { networks: '65536' }, { networks: '65536,65537', incarnation: 'a', number: '7' }],
    [{ networks: '' }, { networks: '1,' }, { networks: 'a' }, { number: '-1' }, { network: '1' }],
  ),
  ENROL_REQUEST: row(
    enrolment.ENROL_REQUEST,
    [
      { public_key: KEY, name: 'two', endpoints: [] },
      { public_key: KEY, name: 'two', region: 'fra', endpoints: ['192.0.2.2:51820'] },
    ],
    [
      { public_key: 'short', name: 'two', endpoints: [] },
      { public_key: `${KEY}=`, name: 'two', endpoints: [] },
      { public_key: KEY, endpoints: [] },
      { public_key: KEY, name: 'two', endpoints: new Array(17).fill('192.0.2.1:1') },
      { public_key: KEY, name: 'two', endpoints: [], role: 'server' },
    ],
  ),
  ENROLLED: row(enrolment.ENROLLED, [ENROLLED], [{ ...ENROLLED, host_id: '1' }, {}]),
  INSTANCE_RECORD: row(
    records.INSTANCE_RECORD,
    [RECORD],
    [
      { ...RECORD, kind: 'host' },
      { ...RECORD, state: 'gone' },
      { ...RECORD, createdAt: -1 },
      { ...RECORD, metadata: MANY_PAIRS },
      { ...RECORD, extra: 1 },
    ],
  ),
};

for (const [name, { schema, taken, refused }] of Object.entries(CASES)) {
  test(`${name} takes what its interface says`, () => {
    for (const value of taken) assert.ok(Check(schema, value), JSON.stringify(value));
  });

  test(`${name} refuses everything else`, () => {
    for (const value of refused) assert.ok(!Check(schema, value), JSON.stringify(value));
  });
}

test('every contract has its cases', () => {
  const text = filesBelow('src/api/contract', '.ts')
    .map((file) => file.text)
    .join('\n');
  const declared = [...text.matchAll(/^export const ([A-Z_]+): Contract</gm)].map(([, one]) => one);
  assert.deepEqual(declared.sort(), Object.keys(CASES).sort());
});
