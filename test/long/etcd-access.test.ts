// How etcd is convinced of who asks: by certificates, and by a user's password, also after it has
// forgotten the token.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SILENT_LOGGER } from '../../src/base/logger.ts';

import { EtcdStore, type EtcdStoreOptions } from '../../src/registry/etcd/etcd-store.ts';
import { collect, put } from '../conformance/store-calls.ts';
import { ETCD_MISSING, EtcdCluster } from '../fakes/etcd.ts';
import { SeededRandom } from '../fakes/seeded-random.ts';

const skip = ETCD_MISSING ?? false;
const FLAGS = ['--unsafe-no-fsync'];

test('EtcdStore shows its certificate, and trusts its CA alone', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'p6n-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const tls = makeCertificates(folder);
  const cluster = await EtcdCluster.start({ heartbeatMs: 10, flags: FLAGS, tls });
  t.after(() => cluster.stop());
  const { endpoints } = cluster;
  const [ca, certificate, key] = [tls.ca, tls.certificate, tls.key].map((path) =>
    readFileSync(path),
  );
  const store = open({ endpoints, ca, certificate, key });
  await put(store, 'a', '1');
  assert.equal((await store.get('a'))?.value, '1');
  await store.close();
  for (const options of [{ ca }, { ca: certificate, certificate, key }, {}]) {
    const refused = open({ endpoints, ...options });
    await assert.rejects(refused.get('a'), { code: 'REGISTRY_UNAVAILABLE' });
    await refused.close();
  }
});

test('EtcdStore logs in, and again when its token is forgotten', { skip }, async (t) => {
  const cluster = await EtcdCluster.start({ heartbeatMs: 10, flags: FLAGS });
  t.after(() => cluster.stop());
  for (const words of ['user add root:secret', 'user grant-role root root', 'auth enable']) {
    assert.equal(cluster.control(0, ...words.split(' ')).status, 0, words);
  }
  const { endpoints } = cluster;
  const store = open({ endpoints, user: 'root', password: () => 'secret' });
  await put(store, 'a', '1');
  await cluster.killMember(0);
  cluster.startMember(0);
  assert.equal((await store.get('a'))?.value, '1');
  await put(store, 'a', '2');
  await store.close();
  for (const options of [{ user: 'root', password: () => 'wrong' }, {}]) {
    const refused = open({ endpoints, ...options });
    await assert.rejects(refused.get('a'), { code: 'REGISTRY_UNAVAILABLE' });
    await refused.close();
  }
});

test('EtcdStore needs no rights besides those on its root', { skip }, async (t) => {
  const cluster = await EtcdCluster.start({ heartbeatMs: 10, flags: FLAGS });
  t.after(() => cluster.stop());
  for (const words of [
    ...['user add root:secret', 'user grant-role root root', 'role add one'],
    ...['role grant-permission one readwrite p6n/ --prefix=true', 'user add one:secret'],
    ...['user grant-role one one', 'auth enable'],
  ]) {
    assert.equal(cluster.control(0, ...words.split(' ')).status, 0, words);
  }
  const user = { endpoints: cluster.endpoints, user: 'one', password: (): string => 'secret' };
  const store = open({ ...user, revisionsKept: 8 });
  const keys = Array.from({ length: 64 }, (_, n) => `k${n}`);
  await Promise.all(keys.map((key) => put(store, key, '1')));
  await Promise.all(keys.map((key) => store.get(key)));
  const { revision } = await store.list(['']);
  const lease = await store.grantLease(60_000);
  await put(store, 'leased', '1', lease);
  assert.equal(await store.renewLease(lease), true);
  await store.revokeLease(lease);
  const changes = await collect(store, 'leased', revision, 2);
  assert.deepEqual(
    changes.flatMap((one) => one.changes.map(({ type }) => type)),
    ['put', 'delete'],
  );
  assert.equal(await store.beginIncarnation([]), true);
  await store.close();
  const elsewhere = open({ ...user, root: 'other' });
  await assert.rejects(elsewhere.get('a'), { code: 'REGISTRY_UNAVAILABLE' });
  await elsewhere.close();
});

function open(options: EtcdStoreOptions): EtcdStore {
  return new EtcdStore({ random: new SeededRandom(9), logger: SILENT_LOGGER }, options);
}

/** A CA, and one certificate of it for etcd and for who asks. */
function makeCertificates(folder: string): { ca: string; certificate: string; key: string } {
  const file = (name: string): string => join(folder, name);
  const openssl = (...words: readonly string[]): void => {
    execFileSync('openssl', words, { stdio: 'ignore' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const ca = ['-x509', '-days', '2', '-subj', '/CN=ca', '-keyout', file('ca.key')];
  openssl('req', ...key, ...ca, '-out', file('ca.pem'));
  const request = ['-subj', '/CN=p6n', '-keyout', file('key.pem'), '-out', file('request')];
  openssl('req', ...key, ...request);
  const uses = 'extendedKeyUsage=serverAuth,clientAuth';
  writeFileSync(file('extensions'), `subjectAltName=IP:127.0.0.1\n${uses}\n`);
  const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
  const signed = ['-days', '2', '-extfile', file('extensions'), '-out', file('cert.pem')];
  openssl('x509', '-req', '-in', file('request'), ...signer, ...signed);
  return { ca: file('ca.pem'), certificate: file('cert.pem'), key: file('key.pem') };
}
