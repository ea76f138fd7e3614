// Every form of a name as programs get it inside an instance: dig and kdig over UDP and TCP, the
// resolvers of glibc, musl, Node.js and Python; and what names do when instances stop and fail.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildLookups } from './resolver-programs.ts';
import { type Outcome, run, Site, type SiteHost, SKIP_REASON, until } from './site.ts';

const P6NCTL = fileURLToPath(new URL('../../../bin/p6nctl', import.meta.url));

interface InstanceJson {
  readonly id: string;
  readonly address: string;
  readonly state: string;
  readonly health?: string;
  readonly here?: { readonly pid?: number };
}

interface NameJson {
  readonly outcome: string;
  readonly handler: string;
  readonly network: string;
  readonly records: readonly { readonly data: string }[];
}

/** A server whose path /up answers with a status that a file holds. */
const SERVER = `const { readFileSync } = require('node:fs');
  require('node:http').createServer((request, response) => {
    response.statusCode = Number(readFileSync(process.argv[1], 'utf8'));
    response.end('ok');
  }).listen(8080, '::');`;
const SLEEP = ['--detach', '--', 'sleep', 'infinity'];

const NODE_LOOKUP = `const dns = require('node:dns').promises;
  const [, type, name] = process.argv;
  const print = (found) => found.forEach((one) => console.log(typeof one === 'string' ? one
    : Array.isArray(one) ? one.join('') : one.address
    ?? one.priority + ' ' + one.weight + ' ' + one.port + ' ' + one.name));
  const asked = type === 'lookup' ? dns.lookup(name, { family: 6, all: true })
    : type === 'PTR' ? dns.reverse(name) : dns.resolve(name, type);
  asked.then(print, (error) => console.log(error.code));`;
const PYTHON_LOOKUP = `import socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], None, socket.AF_INET6, socket.SOCK_STREAM)
    for one in found: print(one[4][0])
except socket.gaierror as error:
    print("none" if error.errno in (socket.EAI_NONAME, -5) else error)
`;

const PYTHON_NAME = `import socket, sys
try: print(socket.gethostbyaddr(sys.argv[1])[0])
except OSError: print("none")
`;

describe('names inside an instance', { skip: SKIP_REASON, timeout: 180_000 }, () => {
  let site: Site;
  let one: SiteHost;
  let two: SiteHost;
  let three: SiteHost;
  let status: string;
  const machines = new Map<string, InstanceJson>();

  before(async () => {
    site = await Site.running(3);
    [one, two, three] = site.hosts as [SiteHost, SiteHost, SiteHost];
    status = join(site.folder, 'status');
    writeFileSync(status, '200');
    await buildLookups(site.folder);
    await one.must('apps', 'create', 'web', '--network', 'blue');
    await one.must('apps', 'create', 'idle', '--network', 'blue');
    await one.must('apps', 'create', 'shop', '--network', 'red');
    const server = ['--service', 'http:8080', '--service', 'dns:53/udp', '--check', 'http:http/up'];
    const command = ['--detach', '--', process.execPath, '-e', SERVER, status];
    const run1 = ['--app', 'web', '--name', 'web-1', '--metadata', 'role=primary'];
    await one.must('instances', 'run', ...run1, ...server, ...command);
    const run2 = ['--app', 'web', '--name', 'web-2', '--metadata', 'role=Replica'];
    await two.must(
      'instances',
      'run',
      ...run2,
      '--group',
      'worker',
      '--service',
      'http:9',
      ...SLEEP,
    );
    await two.must(
      'instances',
      'run',
      '--app',
      'web',
      '--name',
      'web-0',
      '--group',
      'batch',
      ...SLEEP,
    );
    await two.must('instances', 'stop', 'web-0');
    await one.must('instances', 'run', '--app', 'shop', '--name', 'shop-1', ...SLEEP);
    for (const [host, name] of [
      [one, 'web-1'],
      [two, 'web-2'],
      [two, 'web-0'],
      [one, 'shop-1'],
    ] as const) {
      machines.set(name, await host.json<InstanceJson>('instances', 'show', name));
    }
    await until('all names on both hosts', async () => {
      const counts = [];
      for (const [host, name] of [
        [one, 'web-1'],
        [two, 'web-2'],
      ] as const) {
        counts.push((await dig(host, name, 'TXT', 'all.vms.web.internal')).split(',').length);
        counts.push((await dig(host, name, 'AAAA', 'healthy.web.internal')).length > 0 ? 3 : 0);
      }
      return counts.every((count) => count === 3);
    });
  });

  after(() => site?.remove());

  /** A program in the network and mount namespaces of an instance. */
  async function inside(host: SiteHost, name: string, ...words: string[]): Promise<Outcome> {
    const known = machines.get(name) ?? (await host.json<InstanceJson>('instances', 'show', name));
    machines.set(name, known);
    return run('nsenter', '-t', `${known.here?.pid}`, '-n', '-m', ...words);
  }

  async function dig(host: SiteHost, name: string, type: string, what: string): Promise<string> {
    return (await inside(host, name, 'dig', '+short', type, what)).stdout.trim();
  }

  function of(name: string): InstanceJson {
    return machines.get(name) as InstanceJson;
  }

  /** Each form with what an instance on host two gets, in order unless it is of one record. */
  function forms(): readonly (readonly [
    type: string,
    name: string,
    expected: readonly string[],
  ])[] {
    const [w1, w2, w0] = [of('web-1'), of('web-2'), of('web-0')];
    const texts = [w1, w2].map((m) => ({
      id: m.id,
      region: m === w1 ? 'ams' : 'fra',
      ip: m.address,
    }));
    const all = [...texts, { id: w0.id, region: 'fra', ip: w0.address }];
    const byId = <T extends { id: string }>(list: readonly T[]): T[] =>
      [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
    const vms = (list: typeof texts): string =>
      `"${byId(list)
        .map(({ id, region }) => `${id} ${region}`)
        .join(',')}"`;
    const instances = (list: typeof texts): string =>
      byId(list)
        .map(({ id, region, ip }) => `instance=${id},app=web,ip=${ip},region=${region}`)
        .join(';');
    const both = [w1.address, w2.address].sort();
    return [
      ['AAAA', 'web.internal', both],
      ['AAAA', 'global.web.internal', both],
      ['AAAA', 'fra.web.internal', [w2.address]],
      ['AAAA', `${w1.id}.vm.web.internal`, [w1.address]],
      ['AAAA', 'worker.process.web.internal', [w2.address]],
      ['AAAA', 'top1.nearest.of.web.internal', [w2.address]],
      ['AAAA', 'top2.nearest.of.web.internal', both],
      ['AAAA', 'primary.role.kv._metadata.web.internal', [w1.address]],
      ['AAAA', 'replica.role.kv._metadata.web.internal', [w2.address]],
      ['AAAA', 'role.kv._metadata.web.internal', both],
      ['AAAA', 'healthy.web.internal', [w1.address]],
      ['AAAA', 'self.internal', [w2.address]],
      ['AAAA', 'fly-local-6pn', [w2.address]],
      ['AAAA', 'i6pn.modal.local', [w2.address]],
      ['TXT', 'regions.web.internal', ['"ams,fra"']],
      ['TXT', 'all.regions.web.internal', ['"ams,fra"']],
      ['TXT', 'vms.web.internal', [vms(texts)]],
      ['TXT', 'all.vms.web.internal', [vms(all)]],
      ['TXT', '_apps.internal', ['"idle,web"']],
      ['TXT', '_instances.internal', [quoted(instances(texts))]],
      ['TXT', 'all._instances.internal', [quoted(instances(all))]],
      [
        'SRV',
        '_http._tcp.web.internal',
        [`0 1 8080 ${w1.id}.vm.web.internal.`, `0 1 9 ${w2.id}.vm.web.internal.`],
      ],
      ['SRV', '_dns._udp.web.internal', [`0 1 53 ${w1.id}.vm.web.internal.`]],
    ];
  }

  /** What exists and has nothing of the type, and what does not exist. */
  function negatives(): readonly (readonly [type: string, name: string, status: string])[] {
    const stopped = of('web-0');
    return [
      ['A', 'web.internal', 'NOERROR'],
      ['AAAA', 'idle.internal', 'NOERROR'],
      ['AAAA', 'ams.idle.internal', 'NOERROR'],
      ['AAAA', `${stopped.id}.vm.web.internal`, 'NOERROR'],
      ['AAAA', 'batch.process.web.internal', 'NOERROR'],
      ['TXT', '_peer.internal', 'NOERROR'],
      ['A', 'self.internal', 'NOERROR'],
      ['AAAA', 'shop.internal', 'NXDOMAIN'],
      ['AAAA', `${of('shop-1').id}.vm.shop.internal`, 'NXDOMAIN'],
      ['AAAA', 'nobody.process.web.internal', 'NXDOMAIN'],
      ['AAAA', 'laptop._peer.internal', 'NXDOMAIN'],
      ['AAAA', 'no.role.kv._metadata.web.internal', 'NXDOMAIN'],
    ];
  }

  for (const program of ['dig', 'kdig']) {
    for (const transport of ['+notcp', '+tcp']) {
      test(`${program} ${transport} gets every form`, async () => {
        for (const [type, name, expected] of forms()) {
          const words = [program, transport, '+short', type, name];
          const { stdout } = await inside(two, 'web-2', ...words);
          const found = stdout.trim().split('\n').sort();
          assert.deepEqual(found.map(normal), expected.map(normal).sort(), `${type} ${name}`);
        }
        for (const [type, name, expected] of negatives()) {
          const { stdout } = await inside(two, 'web-2', program, transport, type, name);
          assert.match(stdout, new RegExp(`status: ${expected}`), `${type} ${name}`);
          assert.match(stdout, /SOA/, `${type} ${name} has an SOA record`);
        }
        for (const machine of [of('web-1'), of('web-0')]) {
          const words = [program, transport, '+short', '-x', machine.address];
          const { stdout } = await inside(two, 'web-2', ...words);
          assert.equal(stdout, `${machine.id}.vm.web.internal.\n`);
        }
        const foreign = [program, transport, '-x', of('shop-1').address];
        assert.match((await inside(two, 'web-2', ...foreign)).stdout, /status: NXDOMAIN/);
      });
    }
  }

  const resolvers = (name: string): readonly (readonly [what: string, words: string[]])[] => [
    ['glibc', [join(site.folder, 'glibc-lookup'), name]],
    ['glibc for any family', [join(site.folder, 'glibc-lookup'), name, 'any']],
    ['musl', [join(site.folder, 'musl-lookup'), name]],
    ['musl for any family', [join(site.folder, 'musl-lookup'), name, 'any']],
    ['Python', ['python3', '-c', PYTHON_LOOKUP, name]],
    ['dns.lookup()', [process.execPath, '-e', NODE_LOOKUP, 'lookup', name]],
    ['dns.resolve()', [process.execPath, '-e', NODE_LOOKUP, 'AAAA', name]],
  ];

  test('resolvers of programs get every form', async () => {
    for (const [type, name, expected] of forms()) {
      if (type !== 'AAAA') continue;
      for (const [what, words] of resolvers(name)) {
        const { stdout, stderr } = await inside(two, 'web-2', ...words);
        const found = stdout.trim().split('\n').sort();
        assert.deepEqual(found, [...expected].sort(), `${what}: ${name} ${stderr}`);
      }
    }
  });

  test('resolvers of programs take a name without addresses as that', async () => {
    const stopped = `${of('web-0').id}.vm.web.internal`;
    for (const name of [stopped, 'shop.internal']) {
      for (const [what, words] of resolvers(name)) {
        const { stdout } = await inside(two, 'web-2', ...words);
        const none = /^(none|ENOTFOUND|ENODATA|No address associated with hostname|Name has no.*)$/;
        assert.match(stdout.trim(), none, `${what}: ${name}`);
      }
    }
  });

  test('resolvers of programs get the name of an address', async () => {
    for (const [address, expected] of [
      [of('web-1').address, `${of('web-1').id}.vm.web.internal`],
      [of('web-0').address, `${of('web-0').id}.vm.web.internal`],
      [of('shop-1').address, 'none'],
    ] as const) {
      for (const [what, words] of [
        ['glibc', [join(site.folder, 'glibc-lookup'), address, 'name']],
        ['musl', [join(site.folder, 'musl-lookup'), address, 'name']],
        ['Python', ['python3', '-c', PYTHON_NAME, address]],
      ] as const) {
        const { stdout } = await inside(two, 'web-2', ...words);
        assert.equal(stdout.trim(), expected, `${what}: ${address}`);
      }
    }
  });

  test('Node.js gets texts, services and the name of an address', async () => {
    const ask = async (type: string, name: string): Promise<string[]> => {
      const words = [process.execPath, '-e', NODE_LOOKUP, type, name];
      return (await inside(two, 'web-2', ...words)).stdout.trim().split('\n').sort();
    };
    for (const [type, name, expected] of forms()) {
      if (type === 'AAAA') continue;
      const plain = expected.map((one) => one.replaceAll('" "', '').replace(/^"|"$|\.$/g, ''));
      assert.deepEqual(await ask(type, name), plain.sort(), `${type} ${name}`);
    }
    assert.deepEqual(await ask('PTR', of('web-1').address), [`${of('web-1').id}.vm.web.internal`]);
  });

  test('instances of other hosts have an order by what is measured', async () => {
    await one.must('apps', 'create', 'far', '--network', 'blue');
    await one.must('instances', 'run', '--app', 'far', '--name', 'far-1', ...SLEEP);
    await three.must('instances', 'run', '--app', 'far', '--name', 'far-3', ...SLEEP);
    const draws = new Array(16).fill('top1.nearest.of.far.internal') as string[];
    const questions = draws.flatMap((name) => ['AAAA', name]);
    // Hosts that have not been measured are equally far, and each answer draws among them.
    await until('one order for all answers', async () => {
      const vms = await dig(two, 'web-2', 'TXT', 'vms.far.internal');
      const { stdout } = await inside(two, 'web-2', 'dig', '+short', ...questions);
      const answers = stdout.trim().split('\n');
      return vms.includes(',') && answers.length === draws.length && new Set(answers).size === 1;
    });
    await one.must('instances', 'remove', '--force', 'far-1');
    await three.must('instances', 'remove', '--force', 'far-3');
    await until('removed instances to be gone', async () => {
      return (await one.ctl('apps', 'remove', 'far')).code === 0;
    });
  });

  test('p6nctl dns lookup tells what an instance gets, and why', async () => {
    const lookup = (...words: string[]): Promise<NameJson> =>
      one.json<NameJson>('dns', 'lookup', ...words);
    const web = await lookup('web.internal', '--network', 'blue');
    assert.deepEqual([web.outcome, web.handler, web.records.length], ['NOERROR', 'app', 2]);
    const shop = await lookup('shop.internal', '--network', 'blue');
    assert.deepEqual([shop.outcome, shop.handler], ['NXDOMAIN', 'absence']);
    const red = await lookup('shop.internal', '--network', 'red');
    assert.deepEqual([red.outcome, red.network], ['NOERROR', 'red']);
    const text = await lookup('regions.web.internal', '--type', 'txt', '--network', 'blue');
    assert.deepEqual(text.records[0]?.data, 'ams,fra');
    const which = await one.ctl('dns', 'lookup', 'web.internal');
    assert.match(which.stderr, /it may be for/);
    const none = await two.ctl('dns', 'lookup', 'web.internal', '--network', 'red');
    assert.match(none.stderr, /nothing here is of it/);
  });

  test('status counts questions by result', async () => {
    const { names } = await two.json<{ names: Record<string, number> }>('status');
    for (const result of ['answered', 'empty', 'absent', 'tcp-connections']) {
      assert.ok((names[result] ?? 0) > 0, `${result}: ${JSON.stringify(names)}`);
    }
  });

  test('p6nctl dns watch prints what changes, until it is interrupted', async () => {
    const lines: string[] = [];
    const watching = watch(two, lines, 'healthy.web.internal', '--network', 'blue');
    const { address } = of('web-1');
    const heard = (change: string, times = 1): Promise<undefined> =>
      until(`${change} to be told`, () => {
        const told = lines.filter((line) => line.endsWith(`${change} AAAA ${address}`));
        return Promise.resolve(told.length === times);
      });
    await heard('+');
    writeFileSync(status, '503');
    await heard('-');
    writeFileSync(status, '204');
    await heard('+', 2);
    assert.equal(await watching.stop(), 0);
  });

  test('what changes is seen by the name server of every host', async () => {
    await one.must('apps', 'create', 'eye', '--network', 'blue');
    await three.must('instances', 'run', '--app', 'eye', '--name', 'eye-3', ...SLEEP);
    const everywhere = async (what: string, name: string, expected: string[]): Promise<void> => {
      for (const [host, instance] of [
        [one, 'web-1'],
        [two, 'web-2'],
        [three, 'eye-3'],
      ] as const) {
        await until(`${what} to be seen from ${instance}`, async () => {
          const found = await dig(host, instance, 'AAAA', name);
          return found.split('\n').sort().join(' ') === expected.sort().join(' ');
        });
      }
    };
    const [w0, w1, w2] = ['web-0', 'web-1', 'web-2'].map((name) => of(name).address) as [
      string,
      string,
      string,
    ];
    writeFileSync(status, '503');
    await everywhere('the failed check', 'healthy.web.internal', ['']);
    await everywhere('the instance that fails its check', 'web.internal', [w1, w2]);
    assert.equal((await one.json<InstanceJson>('instances', 'show', 'web-1')).health, 'failing');
    writeFileSync(status, '200');
    await everywhere('the check that passes', 'healthy.web.internal', [w1]);
    await two.must('instances', 'start', 'web-0');
    await everywhere('the start', 'web.internal', [w0, w1, w2]);
    await two.must('instances', 'stop', 'web-0');
    await everywhere('the stop', 'web.internal', [w1, w2]);
    await everywhere('the stop', `${of('web-0').id}.vm.web.internal`, ['']);
  });

  test('names go on while every server is away', async () => {
    const both = [of('web-1').address, of('web-2').address].sort();
    await one.kill('SIGKILL');
    assert.deepEqual((await dig(two, 'web-2', 'AAAA', 'web.internal')).split('\n').sort(), both);
    const nearest = await dig(two, 'web-2', 'AAAA', 'top1.nearest.of.web.internal');
    assert.equal(nearest, of('web-2').address);
    // What this host does itself is told as before.
    await two.must('instances', 'start', 'web-0');
    assert.equal((await dig(two, 'web-2', 'TXT', 'vms.web.internal')).split(',').length, 3);
    await two.must('instances', 'stop', 'web-0');
    assert.equal((await dig(two, 'web-2', 'TXT', 'vms.web.internal')).split(',').length, 2);
    // A p6nd that starts alone knows the instances of others from its file.
    await two.kill('SIGKILL');
    await two.start();
    await until('the names of a host that started alone', async () => {
      const found = await dig(two, 'web-2', 'AAAA', 'web.internal');
      return found.split('\n').sort().join(' ') === both.join(' ');
    });
    await one.start();
  });
});

/** A text as dig and kdig write it: strings of at most 255 bytes. */
function quoted(text: string): string {
  return `"${text.replace(/(.{255})(?=.)/g, '$1" "')}"`;
}

/** kdig escapes what dig does not. */
function normal(line: string): string {
  return line.replaceAll('\\;', ';');
}

interface Watching {
  /** Interrupts it; resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** Runs `p6nctl dns watch` and collects what it prints. */
function watch(host: SiteHost, lines: string[], ...words: string[]): Watching {
  const child = spawn(P6NCTL, ['--socket', host.socket, 'dns', 'watch', ...words]);
  child.stdout.on('data', (chunk) => lines.push(...String(chunk).trim().split('\n')));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    stop: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}
