// bin/p6n-cni against a real p6nd, called as container engines call it: every command in every
// version of the specification, twice, late, chained, and with input that nobody should send.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { must, type Outcome, run, Site, type SiteHost, SKIP_REASON, until } from './site.ts';

const P6N_CNI = fileURLToPath(new URL('../../../bin/p6n-cni', import.meta.url));
const VERSIONS = ['0.4.0', '1.0.0', '1.1.0'] as const;

interface CniResult {
  readonly cniVersion: string;
  readonly interfaces: readonly { readonly name: string; readonly sandbox?: string }[];
  readonly ips: readonly {
    readonly address: string;
    readonly interface?: number;
    readonly version?: string;
  }[];
  readonly routes: readonly { readonly dst: string }[];
  readonly dns: { readonly nameservers?: readonly string[]; readonly search?: readonly string[] };
}

interface CniErrorBody {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

type Environment = Readonly<Record<string, string>>;

describe('p6n-cni', { skip: SKIP_REASON, timeout: 120_000 }, () => {
  let site: Site;
  let host: SiteHost;
  let containers = 0;
  const namespaces: string[] = [];

  before(async () => {
    site = await Site.running(1);
    host = site.hosts[0] as SiteHost;
    await host.must('apps', 'create', 'web', '--network', 'blue');
    await host.must('apps', 'create', 'db', '--network', 'blue');
  });
  after(async () => {
    for (const namespace of namespaces) await run('ip', 'netns', 'del', namespace);
    await site.remove();
  });

  const network = (more: object = {}): object => ({
    cniVersion: '1.0.0',
    name: 'p6n-web',
    type: 'p6n-cni',
    app: 'web',
    socket: host.socket,
    ...more,
  });

  /** A namespace as an engine makes it for a container, and the environment of a call for it. */
  const container = async (): Promise<Environment> => {
    containers += 1;
    const name = `${host.namespace}-c${containers}`;
    await must('ip', 'netns', 'add', name);
    namespaces.push(name);
    return {
      CNI_CONTAINERID: `container-${containers}`,
      CNI_NETNS: `/run/netns/${name}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/opt/cni/bin',
    };
  };

  const inside = (environment: Environment, ...words: string[]): Promise<string> =>
    must('nsenter', `--net=${environment['CNI_NETNS']}`, ...words);

  const add = async (conf: object, environment: Environment): Promise<CniResult> =>
    JSON.parse(await succeeds('ADD', conf, environment)) as CniResult;

  const owned = async (): Promise<readonly string[]> => {
    const { instances } = await host.client.instances.list({ here: '1' });
    return instances.map((one) => one.here?.owner ?? '').sort();
  };

  for (const version of VERSIONS) {
    test(`ADD, CHECK and DEL in version ${version} may be repeated`, async () => {
      const environment = await container();
      const conf = network({ cniVersion: version, group: 'worker', metadata: { role: 'a' } });
      const result = await add(conf, environment);
      const [ip] = result.ips;
      assert.deepEqual(result, {
        cniVersion: version,
        interfaces: [{ name: 'eth0', mac: '00:00:00:00:00:00', sandbox: environment['CNI_NETNS'] }],
        ips: [
          {
            ...(version === '0.4.0' ? { version: '6' } : {}),
            address: ip?.address,
            interface: 0,
          },
        ],
        routes: [{ dst: 'fdaa::/16' }],
        dns: { nameservers: ['fdaa::3'] },
      });
      assert.deepEqual(await add(conf, environment), result);
      const checked = { ...conf, prevResult: result };
      assert.equal(await succeeds('CHECK', checked, environment), '');
      const { instances } = await host.client.instances.list({ here: '1' });
      const { address, app, group, metadata } = instances[0]!;
      assert.deepEqual(
        [`${address}/128`, app, group, metadata],
        [ip?.address, 'web', 'worker', { role: 'a' }],
      );
      assert.match(await inside(environment, 'ip', '-6', 'addr', 'show', 'eth0'), /fdaa:/);
      await inside(environment, 'dig', '+short', 'AAAA', 'web.internal', '@fdaa::3');
      assert.equal(await succeeds('DEL', checked, environment), '');
      assert.equal(await succeeds('DEL', checked, environment), '');
      assert.deepEqual(await owned(), []);
      assert.equal((await fails('CHECK', checked, environment)).code, 101);
    });
  }

  test('a chained network keeps the results of others and adds its own', async () => {
    const environment = await container();
    const previous = {
      cniVersion: '1.0.0',
      interfaces: [{ name: 'br0' }, { name: 'eth0', sandbox: environment['CNI_NETNS'] }],
      ips: [{ address: '10.88.0.5/16', gateway: '10.88.0.1', interface: 1 }],
      routes: [{ dst: '0.0.0.0/0' }],
      dns: { nameservers: ['10.88.0.1'], search: ['dns.podman'] },
    };
    await inside(environment, 'ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'peer');
    await inside(environment, 'ip', 'link', 'set', 'peer', 'up');
    await inside(environment, 'ip', 'addr', 'add', '10.88.0.5/16', 'dev', 'eth0');
    await inside(environment, 'ip', 'link', 'set', 'eth0', 'up');
    await inside(environment, 'ip', 'route', 'add', 'default', 'via', '10.88.0.1');
    const conf = network({ prevResult: previous });
    const result = await add(conf, environment);
    assert.deepEqual(result, {
      cniVersion: '1.0.0',
      interfaces: [
        ...previous.interfaces,
        { name: 'p6n0', mac: '00:00:00:00:00:00', sandbox: environment['CNI_NETNS'] },
      ],
      ips: [...previous.ips, { address: result.ips[1]?.address, interface: 2 }],
      routes: [...previous.routes, { dst: 'fdaa::/16' }],
      dns: { nameservers: ['fdaa::3', '10.88.0.1'], search: ['dns.podman'] },
    });
    const routes = await inside(environment, 'ip', 'route', 'show', 'default');
    assert.match(routes, /via 10\.88\.0\.1 dev eth0/);
    await succeeds('CHECK', { ...conf, prevResult: result }, environment);
    await inside(environment, 'ip', '-6', 'route', 'del', 'fdaa::/16', 'dev', 'p6n0');
    const broken = await fails('CHECK', { ...conf, prevResult: result }, environment);
    assert.deepEqual([broken.code, /does not lead to p6n0/.test(broken.msg)], [101, true]);
    await succeeds('DEL', conf, environment);
    assert.match(await inside(environment, 'ip', 'addr', 'show', 'eth0'), /10\.88\.0\.5/);
  });

  test('a chained network leaves containers of no app alone', async () => {
    const environment = await container();
    const previous = { cniVersion: '1.0.0', interfaces: [{ name: 'eth0' }], ips: [] };
    const conf = network({ app: undefined, prevResult: previous });
    assert.deepEqual(await add(conf, environment), previous);
    await succeeds('CHECK', conf, environment);
    await succeeds('DEL', conf, environment);
    assert.deepEqual(await owned(), []);
  });

  test('CNI_ARGS and annotations choose app, group and metadata', async () => {
    const environment = await container();
    const args = 'IgnoreUnknown=1;K8S_POD_NAME=x;P6N_APP=db;P6N_METADATA_role=b=c';
    const annotations = { 'p6n/app': 'web', 'p6n/group': 'batch', 'p6n/metadata-zone': 'z' };
    const runtimeConfig = { 'io.kubernetes.cri.pod-annotations': annotations };
    await add(network({ runtimeConfig }), { ...environment, CNI_ARGS: args });
    const { instances } = await host.client.instances.list({ here: '1' });
    const { app, group, metadata } = instances[0]!;
    assert.deepEqual([app, group, metadata], ['db', 'batch', { role: 'b=c', zone: 'z' }]);
    // Asked for again with another app, the container moves.
    await add(network(), environment);
    const moved = (await host.client.instances.list({ here: '1' })).instances;
    assert.deepEqual(
      moved.map((one) => one.app),
      ['web'],
    );
    await succeeds('DEL', network(), environment);
  });

  test('GC removes what the engine does not know, of its network alone', async () => {
    const [kept, lost, other] = [await container(), await container(), await container()];
    const conf = network({ cniVersion: '1.1.0' });
    await add(conf, kept);
    await add(conf, lost);
    await add(network({ name: 'p6n-web-2' }), other);
    const known = [{ containerID: kept['CNI_CONTAINERID'], ifname: 'eth0' }];
    await succeeds('GC', { ...conf, 'cni.dev/valid-attachments': known }, {});
    const ids = [kept, other].map((one) => one['CNI_CONTAINERID']);
    const left = [`cni/p6n-web/${ids[0]}/eth0`, `cni/p6n-web-2/${ids[1]}/eth0`];
    assert.deepEqual(await owned(), left.sort());
    assert.equal((await fails('GC', conf, {})).code, 7);
    assert.equal((await fails('GC', network(), {})).code, 1);
    await succeeds('GC', { ...conf, 'cni.dev/valid-attachments': [] }, {});
    await succeeds('DEL', network({ name: 'p6n-web-2' }), other);
    assert.deepEqual(await owned(), []);
  });

  test('an instance goes with its container also without DEL', async () => {
    const environment = await container();
    await add(network(), environment);
    await must('ip', 'netns', 'del', namespaces.pop() as string);
    await until('the instance to go', async () => (await owned()).length === 0);
    await succeeds('DEL', network(), environment);
  });

  test('STATUS says whether containers can be made', async () => {
    const conf = network({ cniVersion: '1.1.0' });
    await succeeds('STATUS', conf, {});
    assert.equal((await fails('STATUS', { ...conf, app: 'nobody' }, {})).code, 50);
    assert.equal((await fails('STATUS', { ...conf, socket: '/nowhere.sock' }, {})).code, 51);
  });

  test('VERSION answers in the version that asks', async () => {
    for (const version of ['0.3.1', ...VERSIONS]) {
      const answer = JSON.parse(await succeeds('VERSION', { cniVersion: version }, {})) as unknown;
      assert.deepEqual(answer, { cniVersion: version, supportedVersions: VERSIONS });
    }
  });

  test('what is wrong is answered by an error of the specification', async () => {
    const good = await container();
    const { CNI_NETNS: _, ...nowhere } = good;
    const cases: readonly (readonly [code: number, conf: unknown, environment: Environment])[] = [
      [1, network({ cniVersion: '0.3.1' }), good],
      [1, network({ cniVersion: ['1.0.0'] }), good],
      [2, network({ ipam: { type: 'host-local' } }), good],
      [4, network(), nowhere],
      [4, network(), { ...good, CNI_NETNS: '/etc/passwd' }],
      [4, network(), { ...good, CNI_NETNS: '/proc/1/../self/ns/mnt' }],
      [4, network(), { ...good, CNI_CONTAINERID: '' }],
      [4, network(), { ...good, CNI_CONTAINERID: '../x' }],
      [4, network(), { ...good, CNI_CONTAINERID: 'x'.repeat(129) }],
      [4, network(), { ...good, CNI_IFNAME: '..' }],
      [4, network(), { ...good, CNI_IFNAME: 'a'.repeat(16) }],
      [4, network(), { ...good, CNI_IFNAME: 'a b' }],
      [4, network(), { ...good, CNI_ARGS: 'P6N_PASSWORD=1' }],
      [6, 'no JSON', good],
      [6, [network()], good],
      [6, null, good],
      [7, network({ name: '../../x' }), good],
      [7, network({ socket: 5 }), good],
      [7, network({ app: undefined }), good],
      [7, network({ app: 'nobody' }), good],
      [7, network({ app: 'No App' }), good],
      [7, network({ app: { $gt: '' } }), good],
      [7, network({ metadata: ['x'] }), good],
      [7, network({ metadata: { x: 1 } }), good],
      [7, network({ metadata: { x: 'x'.repeat(5000) } }), good],
      [7, network({ prevResult: { interfaces: 7 } }), good],
      [7, network({ prevResult: [] }), good],
      [11, network({ socket: '/nowhere.sock' }), good],
    ];
    for (const [code, conf, environment] of cases) {
      const error = await fails('ADD', conf, environment);
      assert.equal(error.code, code, `${JSON.stringify(conf)} ${JSON.stringify(environment)}`);
    }
    assert.equal((await fails('DESTROY', network(), good)).code, 4);
    assert.deepEqual(await owned(), []);
  });

  test('containers stay with p6nd away, and are served again when it is back', async () => {
    const environment = await container();
    const result = await add(network(), environment);
    await host.kill('SIGKILL');
    assert.equal((await fails('ADD', network(), environment)).code, 11);
    assert.equal((await fails('DEL', network(), environment)).code, 11);
    await host.start();
    assert.deepEqual(await add(network(), environment), result);
    await succeeds('CHECK', network({ prevResult: result }), environment);
    await succeeds('DEL', network(), environment);
  });
});

async function succeeds(command: string, conf: unknown, environment: Environment): Promise<string> {
  const { code, stdout } = await cni(command, conf, environment);
  assert.equal(code, 0, `${command}: ${stdout}`);
  return stdout;
}

async function fails(
  command: string,
  conf: unknown,
  environment: Environment,
): Promise<CniErrorBody> {
  const { code, stdout, stderr } = await cni(command, conf, environment);
  assert.deepEqual([code, stderr], [1, ''], `${command} ${JSON.stringify(conf)}: ${stdout}`);
  const error = JSON.parse(stdout) as CniErrorBody;
  assert.ok(error.msg.length > 0);
  assert.match(error.cniVersion, /^\d+\.\d+\.\d+$/);
  return error;
}

/** One call with nothing in its environment but what an engine puts there. */
function cni(command: string, conf: unknown, environment: Environment): Promise<Outcome> {
  const env = { PATH: process.env['PATH'], CNI_COMMAND: command, ...environment };
  return new Promise((resolve) => {
    const child = execFile(P6N_CNI, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 128), stdout, stderr });
    });
    // A call that does not read its input is no failure of this test.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(conf === 'no JSON' ? '{"cniVersion":' : JSON.stringify(conf));
  });
}
