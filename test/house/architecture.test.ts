// Holds the import directions between the folders of src/: the table below is the architecture.

import assert from 'node:assert/strict';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { filesBelow, importsOf, readText } from './tree.ts';

/**
 * What a folder may import besides itself. `folder/file` allows that one file or folder of another
 * folder.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  base: [],
  metrics: ['base'],
  ip: ['base'],
  addressing: ['base', 'ip'],
  tokens: ['base'],
  wireguard: ['base', 'ip'],
  device: ['base', 'ip', 'wireguard'],
  filter: ['base', 'ip', 'addressing'],
  dns: ['base', 'ip', 'addressing', 'metrics'],
  os: ['base', 'ip', 'wireguard/crypto'],
  dataplane: ['base', 'metrics', 'ip', 'addressing', 'wireguard', 'device', 'filter', 'os'],
  uapi: ['base', 'ip', 'device/config', 'dataplane', 'os'],
  nameserver: ['base', 'metrics', 'ip', 'addressing', 'dns', 'os'],
  registry: ['base', 'metrics', 'ip', 'addressing', 'tokens', 'filter/policy', 'os/atomic-file'],
  follower: ['base', 'metrics', 'addressing', 'registry/model', 'os/atomic-file'],
  agent: [
    'base',
    'metrics',
    'ip',
    'addressing',
    'device/config',
    'filter/config',
    'dns/zone',
    'os',
    'registry/model',
    'registry/declared-services',
    'registry/site-signature',
    'follower',
    'dataplane',
  ],
  api: ['base', 'metrics', 'addressing', 'tokens', 'registry'],
  attach: ['base', 'api/contract', 'api/client'],
  cli: [
    'base',
    'addressing',
    'tokens',
    'os/random',
    'os/linux/pseudo-terminal',
    'api/contract',
    'api/client',
  ],
};
/** Compose all others. */
const COMPOSITIONS: readonly string[] = ['daemon', 'standalone'];

/** Packages that belong to one file or folder each. */
const OWNERS: Readonly<Record<string, string | readonly string[]>> = {
  koffi: 'src/os/linux/ffi.ts',
  libsql: 'src/registry/sqlite/',
  '@grpc/grpc-js': 'src/registry/etcd/',
  '@grpc/proto-loader': 'src/registry/etcd/',
  '@noble/curves': 'src/wireguard/crypto/',
  '@noble/ciphers': 'src/wireguard/crypto/',
  '@noble/hashes': 'src/wireguard/crypto/',
  tweetnacl: ['src/registry/', 'src/tokens/'],
  dns2: 'src/dns/',
  '@fastify/ajv-compiler': 'src/api/',
  fastify: 'src/api/',
  typebox: 'src/api/contract/',
  pino: 'src/daemon/',
  'prom-client': 'src/metrics/',
  yargs: 'src/',
  'cli-table3': 'src/cli/',
  picocolors: 'src/cli/',
  qr: 'src/cli/',
};

const sources = filesBelow('src', '.ts');

test('imports go down the bands only', () => {
  for (const file of sources) {
    const folder = folderOf(file.path);
    if (COMPOSITIONS.includes(folder)) continue;
    const allowed = ALLOWED[folder];
    assert.ok(allowed, `${file.path}: folder ${folder} is not in the table of imports`);
    for (const target of importsOf(file).filter((specifier) => specifier.startsWith('.'))) {
      const path = normalize(join(dirname(file.path), target)).replace(/^src\//, '');
      const fits = [folder, ...allowed].some(
        (one) => path === `${one}.ts` || path.startsWith(`${one}/`),
      );
      assert.ok(
        fits,
        `${file.path} imports ${path}: ${folder}/ may import only ${allowed.join(' ')}`,
      );
    }
  }
});

test('a package is imported only by its owner', () => {
  for (const file of sources) {
    for (const specifier of importsOf(file).filter(isPackage)) {
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      const owner = OWNERS[name];
      assert.ok(owner, `${file.path} imports ${name}, which has no owner in the table`);
      const isOwner = [owner].flat().some((one) => file.path.startsWith(one));
      assert.ok(isOwner, `${file.path} imports ${name}: only ${String(owner)} may`);
    }
  }
});

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function isPackage(specifier: string): boolean {
  return !specifier.startsWith('.') && !specifier.startsWith('node:');
}

test('programs that run for each call or instance load no schemas', () => {
  for (const program of ['cli', 'attach/cni', 'agent/supervisor', 'standalone']) {
    const reached = new Set<string>();
    const packages = loadedBy(`dist/src/${program}/main.js`, reached);
    assert.ok(reached.size > 1);
    for (const heavy of ['typebox', 'fastify']) assert.ok(!packages.has(heavy), program);
  }
});

/** The packages that a compiled file loads at once or later; adds the files to `reached`. */
function loadedBy(path: string, reached: Set<string>): Set<string> {
  const packages = new Set<string>();
  if (reached.has(path)) return packages;
  reached.add(path);
  for (const target of importsOf({ path, text: readText(path) })) {
    if (!target.startsWith('.')) packages.add(target);
    else for (const found of loadedBy(join(dirname(path), target), reached)) packages.add(found);
  }
  return packages;
}
