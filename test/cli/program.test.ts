// p6nctl from words to output and exit code: each command line and what it asks of p6nd, each wrong
// one and what is said about it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES, type ErrorCode, P6nError } from '../../src/base/errors.ts';
import {
  APP,
  HOST,
  INSTANCE,
  INVITE,
  NAME_ANSWER_SAMPLE,
  NETWORK,
  ORGANIZATION,
  SITE,
  STATUS,
  TOKEN,
  WIREGUARD_PEER,
} from '../fakes/api-services.ts';
import { type Run, runLine } from './run-line.ts';

const { status: _, created_at: __, ...APP_SUMMARY } = APP;

const OTHER_HOST = {
  ...HOST,
  name: 'two',
  role: 'agent',
  liveness: 'alive',
  drained_at: 1,
  path: { state: 'no path', endpoint: '192.0.2.2:9', last_handshake_at: 60_001 },
};

const ANSWERS: Readonly<Record<string, unknown>> = {
  'organizations.list': { organizations: [ORGANIZATION] },
  'organizations.create': ORGANIZATION,
  'networks.list': { networks: [NETWORK] },
  'networks.create': NETWORK,
  'networks.get': NETWORK,
  'apps.list': { total_apps: 1, apps: [APP_SUMMARY] },
  'apps.create': { id: 'web', created_at: 1 },
  'apps.get': APP,
  'site.get': SITE,
  'site.update': { ...SITE, host_operators_write: false },
  'site.rotateKey': { site: SITE, signed: 2, refused: ['records/hosts/00010009'] },
  'hosts.drain': HOST,
  'host.rotateKey': HOST,
  'hosts.list': { hosts: [HOST, OTHER_HOST] },
  'hosts.get': HOST,
  'invites.list': { invites: [INVITE] },
  'hosts.rehome': { token: 'p6n1h_token' },
  'invites.create': { invite: INVITE, token: 'p6n1_token' },
  'tokens.list': { tokens: [TOKEN] },
  'tokens.create': { details: TOKEN, token: 'p6nt_token' },
  'wireguard.list': { peers: [WIREGUARD_PEER] },
  'wireguard.create': WIREGUARD_PEER,
  'wireguard.get': WIREGUARD_PEER,
  'instances.list': { instances: [INSTANCE] },
  'instances.get': INSTANCE,
  'instances.run': INSTANCE,
  'instances.attach': INSTANCE,
  'instances.start': INSTANCE,
  'instances.stop': { ...INSTANCE, state: 'stopped' },
  'host.status': STATUS,
  'names.lookup': NAME_ANSWER_SAMPLE,
  'host.reset': undefined,
  'host.explain': { verdict: 'drop', rule: 'network-mismatch', sentence: 'The networks differ.' },
};

const p6nctl = (line: string, answers = ANSWERS, colours = false): Promise<Run> =>
  runLine(line, answers, colours);

const PEER_REFERENCE = { name: 'anna', network: { name: 'blue', organization: undefined } };

const RUN_WITH_EVERYTHING =
  'instances run --app web --name 007 --group g --metadata a=1 --metadata b=x=y ' +
  '--service http:80 --service dns:53/udp --check tcp:http --check http:http/up?x=1 ' +
  '--check http:http --detach -- c --app -- d';

const ASKED: Readonly<Record<string, readonly (readonly [string, ...unknown[]])[]>> = {
  'organizations create acme': [['organizations.create', { name: 'acme' }]],
  'organizations list': [['organizations.list']],
  'networks create blue': [['networks.create', { name: 'blue' }]],
  'networks create blue --organization acme --region-scoped': [
    ['networks.create', { name: 'blue', organization: 'acme', region_scoped: true }],
  ],
  'networks list': [['networks.list', {}]],
  'networks list --organization acme': [['networks.list', { organization: 'acme' }]],
  'networks show blue': [['networks.get', { name: 'blue', organization: undefined }]],
  'networks remove blue --organization=acme': [
    ['networks.remove', { name: 'blue', organization: 'acme' }],
  ],
  'apps create web': [
    ['apps.create', { app_name: 'web' }],
    ['apps.get', 'web'],
  ],
  'apps create web --network blue --organization acme': [
    ['apps.create', { app_name: 'web', network: 'blue', org_slug: 'acme' }],
    ['apps.get', 'web'],
  ],
  'apps list --organization acme': [['apps.list', { org_slug: 'acme' }]],
  'apps show web': [['apps.get', 'web']],
  'apps remove web': [['apps.remove', 'web', { force: false }]],
  'apps remove web --force': [['apps.remove', 'web', { force: true }]],
  'site show': [['site.get']],
  'site set --host-operators-write off': [['site.update', { host_operators_write: false }]],
  'site set --host-operators-write on': [['site.update', { host_operators_write: true }]],
  'site rotate': [['site.rotateKey']],
  'hosts drain one': [['hosts.drain', 'one', true]],
  'hosts undrain one': [['hosts.drain', 'one', false]],
  'hosts rotate-key': [['host.rotateKey', { force: false }]],
  'hosts rotate-key --force': [['host.rotateKey', { force: true }]],
  'hosts list': [['hosts.list', { paths: '1' }]],
  'hosts show one': [['hosts.get', 'one']],
  'hosts remove one': [['hosts.remove', 'one', { force: false }]],
  'hosts remove one --force': [['hosts.remove', 'one', { force: true }]],
  'hosts invite': [['invites.create', {}]],
  'hosts invite --region fra --ttl 1h30m': [
    ['invites.create', { region: 'fra', ttl_ms: 5_400_000 }],
  ],
  'hosts invite --for two': [['hosts.rehome', 'two']],
  'hosts invites list': [['invites.list']],
  'wireguard list': [['wireguard.list', {}]],
  'wireguard list --network blue': [['wireguard.list', { network: 'blue' }]],
  'wireguard show anna --network blue': [['wireguard.get', PEER_REFERENCE]],
  'wireguard remove anna --network blue': [['wireguard.remove', PEER_REFERENCE]],
  [`wireguard create anna --network blue --host two --public-key ${WIREGUARD_PEER.public_key}`]: [
    [
      'wireguard.create',
      { name: 'anna', network: 'blue', host: 'two', public_key: WIREGUARD_PEER.public_key },
    ],
  ],
  'hosts invites revoke 7': [['invites.revoke', 7]],
  'tokens create --site': [['tokens.create', {}]],
  'tokens create --app web --verb read --verb change --ttl 1h --label ci': [
    ['tokens.create', { verbs: ['read', 'change'], apps: ['web'], label: 'ci', ttl_ms: 3_600_000 }],
  ],
  'tokens list': [['tokens.list']],
  'tokens revoke 0123456789abcdef': [['tokens.revoke', '0123456789abcdef']],
  'instances run --app web --detach -- sleep 60': [
    ['instances.run', { app: 'web', command: ['sleep', '60'], working_directory: '/srv' }],
  ],
  [RUN_WITH_EVERYTHING]: [
    [
      'instances.run',
      {
        app: 'web',
        name: '007',
        group: 'g',
        metadata: { a: '1', b: 'x=y' },
        services: [
          { name: 'http', port: 80, protocol: 'tcp' },
          { name: 'dns', port: 53, protocol: 'udp' },
        ],
        checks: [
          { type: 'tcp', service: 'http' },
          { type: 'http', service: 'http', path: '/up?x=1' },
          { type: 'http', service: 'http', path: '/' },
        ],
        command: ['c', '--app', '--', 'd'],
        working_directory: '/srv',
      },
    ],
  ],
  'instances attach --app web --netns /run/netns/x': [
    ['instances.attach', { app: 'web', netns: '/run/netns/x' }],
  ],
  'instances attach --app web --netns netns/x': [
    ['instances.attach', { app: 'web', netns: '/srv/netns/x' }],
  ],
  'instances attach --app web --pid 4711 --name n': [
    ['instances.attach', { app: 'web', name: 'n', pid: 4711 }],
  ],
  'instances list': [['instances.list', {}]],
  'instances list --app web --network blue --host one --here': [
    ['instances.list', { app: 'web', network: 'blue', host: 'one', here: '1' }],
  ],
  'instances show web-1': [['instances.get', 'web-1']],
  'instances show 00000000000007': [['instances.get', '00000000000007']],
  'instances stop web-1': [['instances.stop', 'web-1', { graceMs: undefined }]],
  'instances stop web-1 --grace 30s': [['instances.stop', 'web-1', { graceMs: 30_000 }]],
  'instances start web-1': [['instances.start', 'web-1']],
  'instances remove web-1': [['instances.remove', 'web-1', { force: false }]],
  'instances remove --force web-1': [['instances.remove', 'web-1', { force: true }]],
  'explain --from fdaa::1 --to fdaa::2': [['host.explain', { from: 'fdaa::1', to: 'fdaa::2' }]],
  'explain --from fdaa::1 --to fdaa::2 --proto tcp --port 80': [
    ['host.explain', { from: 'fdaa::1', to: 'fdaa::2', protocol: 'tcp', port: 80 }],
  ],
  'dns lookup web.internal': [['names.lookup', { name: 'web.internal' }]],
  'dns lookup web.internal --type TXT --network blue': [
    ['names.lookup', { name: 'web.internal', type: 'TXT', network: 'blue' }],
  ],
  'host reset': [['host.reset']],
  status: [['host.status']],
  '--json --socket /x.sock status': [['host.status']],
};

for (const [line, expected] of Object.entries(ASKED)) {
  test(`p6nctl ${line} asks for it`, async () => {
    const { calls, exitCode, talk } = await p6nctl(line);
    assert.equal(exitCode, 0, talk);
    assert.deepEqual(
      calls.map((call) => [call.method, ...call.arguments]),
      expected,
    );
  });
}

for (const line of Object.keys(ASKED)) {
  test(`p6nctl --json ${line} prints JSON and says nothing`, async () => {
    const { output, talk } = await p6nctl(`--json ${line}`);
    assert.equal(talk, '');
    if (output !== '') JSON.parse(output);
    const silent = /remove|revoke|reset/.test(line);
    assert.equal(output === '', silent);
  });
}

const JSON_OUTPUT: Readonly<Record<string, unknown>> = {
  'networks list': [NETWORK],
  'networks show blue': NETWORK,
  'apps list': [APP_SUMMARY],
  'apps create web': APP,
  'hosts list': [HOST, OTHER_HOST],
  'hosts invite': ANSWERS['invites.create'],
  'hosts invites list': [INVITE],
  'tokens list': [TOKEN],
  'wireguard list': [WIREGUARD_PEER],
  'instances list': [INSTANCE],
  'instances show web-1': INSTANCE,
  'instances run --app web --detach -- true': INSTANCE,
  status: STATUS,
};

for (const [line, expected] of Object.entries(JSON_OUTPUT)) {
  test(`p6nctl ${line} --json prints what p6nd answered`, async () => {
    const { output } = await p6nctl(`--json ${line}`);
    assert.deepEqual(JSON.parse(output), expected);
  });
}

const TABLES: Readonly<Record<string, string>> = {
  'networks list': `
NAME  ORGANIZATION  PREFIX            SCOPE  CREATED
blue  default       fdaa:18:a7b::/48  site   1970-01-01T00:00:00Z
`,
  'apps list': `
NAME  ORGANIZATION  NETWORK  INSTANCES
web   default       blue     1
`,
  'apps show web': `
name          web
organization  default
network       blue
instances     1
status        deployed
created       2024-02-22T19:56:39Z
`,
  'hosts list': `
NAME  REGION  ROLE    ADDRESS          STATE           LAST SEEN  ROUND TRIP  HANDSHAKE  ENDPOINT
one   ams     server  fdaa:0:0:1:0::1  alive           1s ago
two   ams     agent   fdaa:0:0:1:0::1  alive, drained  1s ago     no path     1m ago     192.0.2.2:9
`,
  'hosts invite': `
p6n1_token
`,
  'tokens create --site': `
p6nt_token
`,
  'tokens list': `
ID                LABEL  VERBS  ORGANIZATIONS  APPS  EXPIRES               REVOKED
0123456789abcdef  ci     read   all            web   1970-01-01T01:00:00Z
`,
  'hosts invites list': `
NUMBER  SERVER  STATE  REGION  USED BY  EXPIRES
7       one     open                    1970-01-01T01:00:00Z
`,
  'wireguard list': `
NAME  NETWORK  ADDRESS             GATEWAY  HEARD
anna  blue     fdaa:1:2:1:9:0:a:1  one
`,
  'instances list': `
ID              NAME   APP  NETWORK  HOST  REGION  STATE    ADDRESS
0123456789abcd  web-1  web  blue     one   ams     started  fdaa:18:a7b:1:0:b83b:2:2
`,
  'explain --from fdaa::1 --to fdaa::2': `
verdict  drop
rule     network-mismatch
why      The networks differ.
`,
  status: `
host        one
region      ams
role        server
address     fdaa:0:0:1:0::1
public key  Dk6IMRAdiWkqKXMyJq2y6UvVTbAfOCSTVLZWrRO9hjk=
listens on  UDP port 51820
endpoints   192.0.2.1:51820
registry    serving
revision    a/7
sessions    1 of 1 peers
instances   1 started
names       2 answered
version     0.1.0
runs for    2m

PEER  ADDRESS          ENDPOINT         HANDSHAKE  RECEIVED  SENT  MTU
two   fdaa:0:0:1:1::1  192.0.2.2:51820  1m ago     2.0 KiB   17 B  1420

INSTANCE  ID              APP  NETWORK  STATE    ADDRESS
web-1     0123456789abcd  web  blue     started  fdaa:18:a7b:1:0:b83b:2:2

DROPPED FOR       COUNT
network-mismatch  3
`,
  'dns lookup web.internal': `
name     web.internal
type     AAAA
network  blue
outcome  NOERROR
handler  app
why      The name exists (all started instances of an app).

NAME          TTL  TYPE  DATA
web.internal  5    AAAA  fdaa:18:a7b:1:0:b83b:2:2
`,
};

for (const [line, expected] of Object.entries(TABLES)) {
  test(`p6nctl ${line} prints a table for people`, async () => {
    assert.equal((await p6nctl(line)).output, expected.slice(1));
  });
}

test('p6nctl prints no table of nothing', async () => {
  const { exitCode, output } = await p6nctl('networks list', { 'networks.list': { networks: [] } });
  assert.deepEqual([exitCode, output], [0, '']);
});

test('p6nctl colours for eyes alone', async () => {
  assert.ok((await p6nctl('networks list', ANSWERS, true)).output.includes('\x1b[1m'));
  assert.ok(!(await p6nctl('networks list', ANSWERS, false)).output.includes('\x1b'));
});

test('p6nctl shows control characters and does not obey them', async () => {
  const networks = [{ ...NETWORK, name: 'x\x1b[2J\ny' }];
  const { output } = await p6nctl('networks list', { 'networks.list': { networks } });
  assert.ok(output.includes('x\\x1b[2J\\x0ay'));
});

test('p6nctl says on standard error what it removed', async () => {
  const { output, talk } = await p6nctl('networks remove blue');
  assert.deepEqual([output, talk], ['', 'Removed network blue.\n']);
});

test('p6nctl hosts invite leaves all but the token to standard error', async () => {
  const { output, talk } = await p6nctl('hosts invite');
  assert.equal(output, 'p6n1_token\n');
  assert.match(talk, /for 58m\./);
});

test('p6nctl instances list warns when it is incomplete', async () => {
  const answers = { 'instances.list': { instances: [INSTANCE], incomplete: 'Cannot reach it' } };
  const { exitCode, talk } = await p6nctl('instances list', answers);
  assert.equal(exitCode, 0);
  assert.match(talk, /^Warning: only the instances of this host are listed\. Cannot reach it\n$/);
  const json = await p6nctl('--json instances list', answers);
  assert.deepEqual(Object.keys(JSON.parse(json.talk) as object), ['warning']);
});

interface Refusal {
  readonly error: RegExp;
  readonly hint?: RegExp;
  readonly code?: ErrorCode;
}

const WRONG: Readonly<Record<string, Refusal>> = {
  '': { error: /a command is missing/, hint: /`p6nctl --help`/ },
  netwrks: { error: /"p6nctl netwrks": there is no such command/, hint: /`p6nctl networks`/ },
  'networks creat blue': { error: /no such command/, hint: /`p6nctl networks create`/ },
  'networks zzz': { error: /no such command/, hint: /`p6nctl networks --help`/ },
  networks: { error: /a verb after "networks" is missing/ },
  'tokens create': { error: /it is not said what it is for/, hint: /--site/ },
  'tokens create --app web --verb x': { error: /as a verb/, code: 'VALUE_INVALID' },
  'tokens narrow': { error: /it is not said how/ },
  'networks create': { error: /a word is missing/, hint: /`p6nctl networks --help`/ },
  'networks create a b': { error: /"b" is unknown/ },
  'networks create a --region-scope': { error: /"--region-scope"/, hint: /--region-scoped\?/ },
  'networks create a --organisation b': { error: /unknown/, hint: /--organization\?/ },
  'networks create a --organization': { error: /the value of --organization is missing/ },
  'networks create a --organization=': { error: /"organization" is empty/ },
  'networks create a --organization b --organization c': { error: /--organization is given twice/ },
  'networks list --jsn': { error: /"--jsn"/, hint: /--json\?/ },
  'hosts invites': { error: /a verb after "invites" is missing/ },
  'hosts invites revok 1': { error: /"revok"/, hint: /revoke\?/ },
  'hosts invites revoke x': { error: /"x" as number/, code: 'VALUE_INVALID' },
  'hosts invites revoke 65536': { error: /from 1 to 65535/, code: 'VALUE_INVALID' },
  'hosts invite --ttl 5x': { error: /"5x" as a time/, hint: /1h30m/, code: 'VALUE_INVALID' },
  'hosts invite --ttl 30d': { error: /the longest is 7d/, code: 'VALUE_INVALID' },
  'hosts invite --ttl 0s': { error: /the shortest is 1s/, code: 'VALUE_INVALID' },
  'instances run --app web': { error: /no command after --/, hint: /-- sleep 60/ },
  'instances run --app web sleep 60': { error: /"sleep" is unknown/, hint: /after --/ },
  'instances run -- sleep 60': { error: /--app is missing/ },
  'instances run --app web --metadata a -- x': { error: /KEY=VALUE/, code: 'VALUE_INVALID' },
  'instances run --app web --metadata =b -- x': { error: /KEY=VALUE/, code: 'VALUE_INVALID' },
  'instances attach --app web': { error: /exactly one of --netns and --pid/ },
  'instances attach --app web --pid 1 --netns /x': { error: /exactly one/ },
  'instances run --app web --service http -- x': { error: /NAME:PORT/, code: 'VALUE_INVALID' },
  'instances run --app web --service a:1/sctp -- x': { error: /NAME:PORT/, code: 'VALUE_INVALID' },
  'instances run --app web --check http -- x': { error: /as a check/, code: 'VALUE_INVALID' },
  'dns lookup': { error: /a word is missing/ },
  'instances attach --app web --pid 0': { error: /"0" as pid/, code: 'VALUE_INVALID' },
  'instances attach --app web --pid -1': { error: /"-1" as pid/, code: 'VALUE_INVALID' },
  'instances show': { error: /a word is missing/ },
  'instances stop x --grace 1d': { error: /the longest is 5m/, code: 'VALUE_INVALID' },
  'explain --from fdaa::1': { error: /--to is missing/ },
  explain: { error: /--from and --to is missing/ },
  'explain --from a --to b --proto sctp': {
    error: /none of tcp, udp, icmp/,
    code: 'VALUE_INVALID',
  },
  'explain --from a --to b --port 80': { error: /--port needs --proto/ },
  'explain --from a --to b --proto tcp --port 0': { error: /from 1 to/, code: 'VALUE_INVALID' },
  'status now': { error: /"now" is unknown/ },
};

for (const [line, refusal] of Object.entries(WRONG)) {
  test(`p6nctl ${line} is refused with exit code 2`, async () => {
    const { calls, exitCode, output, talk } = await p6nctl(line);
    assert.deepEqual([exitCode, output, calls], [2, '', []], talk);
    assert.match(talk, refusal.error);
    if (refusal.hint !== undefined) assert.match(talk, refusal.hint);
    assert.match(
      talk,
      new RegExp(`^Error: .*\\n(?:Hint: .*\\n)?\\(${refusal.code ?? 'USAGE'}\\)\\n$`),
    );
  });
}

for (const [code, fault] of Object.entries(ERROR_CODES)) {
  test(`p6nctl ends with ${fault === 'usage' ? 2 : 1} at ${code}`, async () => {
    const error = new P6nError(code as ErrorCode, 'Cannot do it: the facts', { hint: 'Do so.' });
    const answers = { 'hosts.list': error };
    const people = await p6nctl('hosts list', answers);
    assert.equal(people.exitCode, fault === 'usage' ? 2 : 1);
    assert.equal(people.output, '');
    assert.equal(people.talk, `Error: Cannot do it: the facts\nHint: Do so.\n(${code})\n`);
    const json = await p6nctl('hosts list --json', answers);
    assert.deepEqual(JSON.parse(json.talk), { error: error.message, code, hint: 'Do so.' });
  });
}

test('p6nctl reports a wrong command line in JSON where that is asked for', async () => {
  const { exitCode, talk } = await p6nctl('networks creat --json');
  assert.equal(exitCode, 2);
  assert.equal((JSON.parse(talk) as { code: string }).code, 'USAGE');
});

test('p6nctl takes --json of a command to run for no wish of its own', async () => {
  const { output } = await p6nctl('instances run --app web --detach -- x --json');
  assert.match(output, /^id +0123456789abcd\n/);
});

test('p6nctl host reset tells what to do where p6nd does not run', async () => {
  const unreachable = new P6nError('DAEMON_UNREACHABLE', 'Cannot reach p6nd');
  assert.match((await p6nctl('host reset', { 'host.reset': unreachable })).talk, /`p6nd --reset`/);
});

test('p6nctl reports an unknown error without losing it', async () => {
  const { exitCode, talk } = await p6nctl('hosts list', { 'hosts.list': new Error('boom') });
  assert.equal(exitCode, 1);
  assert.match(talk, /boom\n\(INTERNAL\)/);
});

test('p6nctl --version and --help go to standard output', async () => {
  assert.equal((await p6nctl('--version')).output, '1.2.3\n');
  const help = await p6nctl('--help');
  for (const noun of ['organizations', 'networks', 'apps', 'hosts', 'instances', 'explain']) {
    assert.match(help.output, new RegExp(`p6nctl ${noun} `));
  }
  assert.equal(help.exitCode, 0);
  assert.match((await p6nctl('instances --help')).output, /p6nctl instances attach/);
  assert.match((await p6nctl('hosts invites --help')).output, /invites revoke <number>/);
  assert.match((await p6nctl('networks create -h')).output, /--region-scoped/);
});
