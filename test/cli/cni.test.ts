// `p6nctl cni install`: what it writes into the folders of container engines, and what it refuses.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { WallMillis } from '../../src/base/clock.ts';
import { runProgram } from '../../src/cli/program.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

const BRIDGE = {
  cniVersion: '0.4.0',
  name: 'podman',
  plugins: [{ type: 'bridge', bridge: 'cni-podman0' }, { type: 'portmap' }],
};

interface Folders {
  readonly networks: string;
  /** Runs `p6nctl cni install` with these folders; resolves with the code of its error. */
  install(line: string): Promise<string | undefined>;
  read(file: string): unknown;
}

function makeFolders(t: TestContext): Folders {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-cni-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const networks = join(folder, 'net.d');
  return {
    networks,
    install: async (line) => {
      const terminal = new MemoryTerminal();
      const words = ['--json', 'cni', 'install', ...line.split(' ')];
      await runProgram([...words, '--conf-dir', 'net.d', '--bin-dir', 'bin'], {
        terminal,
        now: () => 0 as WallMillis,
        version: '1.2.3',
        workingDirectory: folder,
        onInterrupt: () => () => undefined,
        socket: undefined,
      });
      if (terminal.talk === '') return undefined;
      return (JSON.parse(terminal.talk) as { readonly code: string }).code;
    },
    read: (file) => JSON.parse(readFileSync(join(networks, file), 'utf8')) as unknown,
  };
}

test('p6nctl cni install writes a network and the program that engines run', async (t) => {
  const { install, networks, read } = makeFolders(t);
  assert.equal(await install('web --app web --group g --metadata role=a'), undefined);
  const plugin = { type: 'p6n-cni', group: 'g', metadata: { role: 'a' }, app: 'web' };
  const list = { cniVersion: '1.0.0', name: 'web', plugins: [plugin] };
  assert.deepEqual(read('90-p6n-web.conflist'), list);
  const program = join(networks, '../bin/p6n-cni');
  assert.equal(statSync(program).mode & 0o777, 0o755);
  const answer = execFileSync(program, {
    env: { CNI_COMMAND: 'VERSION' },
    input: '{"cniVersion":"1.1.0"}',
    encoding: 'utf8',
  });
  assert.match(answer, /supportedVersions/);
});

test('p6nctl cni install may be repeated with other settings', async (t) => {
  const { install, networks, read } = makeFolders(t);
  await install('web --app web');
  assert.equal(await install('web --app db --socket /other.sock --pod-annotations'), undefined);
  const plugin = {
    type: 'p6n-cni',
    app: 'db',
    socket: '/other.sock',
    capabilities: { 'io.kubernetes.cri.pod-annotations': true },
  };
  assert.deepEqual((read('90-p6n-web.conflist') as typeof BRIDGE).plugins, [plugin]);
  assert.deepEqual(readdirSync(networks), ['90-p6n-web.conflist']);
});

test('p6nctl cni install --chained adds p6n to a network, once', async (t) => {
  const { install, networks, read } = makeFolders(t);
  await install('other --app web');
  writeFileSync(join(networks, '87-podman.conflist'), JSON.stringify(BRIDGE));
  assert.equal(await install('podman --chained --app web'), undefined);
  assert.equal(await install('podman --chained --app db'), undefined);
  const chained = { ...BRIDGE, plugins: [...BRIDGE.plugins, { type: 'p6n-cni', app: 'db' }] };
  assert.deepEqual(read('87-podman.conflist'), chained);
});

test('p6nctl cni install refuses what would break a network', async (t) => {
  const { install, networks } = makeFolders(t);
  await install('mine --app web');
  writeFileSync(join(networks, '10-bridge.conflist'), JSON.stringify(BRIDGE));
  writeFileSync(join(networks, '11-single.conf'), '{"name":"single","type":"bridge"}');
  writeFileSync(join(networks, '12-broken.conflist'), '{"name":');
  // Every container of theirs would fail, by a version that the plugin does not speak.
  const old = { ...BRIDGE, cniVersion: '0.3.1', name: 'old' };
  writeFileSync(join(networks, '13-old.conflist'), JSON.stringify(old));
  const unsaid = { ...BRIDGE, cniVersion: undefined, name: 'unsaid' };
  writeFileSync(join(networks, '14-unsaid.conflist'), JSON.stringify(unsaid));
  const before = readdirSync(networks);
  assert.equal(await install('web'), 'USAGE');
  assert.equal(await install('../web --app web'), 'VALUE_INVALID');
  assert.equal(await install('podman --app web'), 'NAME_TAKEN');
  assert.equal(await install('nobody --chained --app web'), 'NOT_FOUND');
  assert.equal(await install('single --chained --app web'), 'CONFIG_INVALID');
  assert.equal(await install('mine --chained --app web'), 'CONFIG_INVALID');
  assert.equal(await install('old --chained --app web'), 'CONFIG_INVALID');
  assert.equal(await install('unsaid --chained --app web'), 'CONFIG_INVALID');
  assert.deepEqual(readdirSync(networks), before);
});
