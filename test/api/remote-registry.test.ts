// The registry as a host sees it that is no server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RegistryClient, RemoteRegistryService } from '../../src/api/remote-registry.ts';
import { P6nError } from '../../src/base/errors.ts';
import type { Principal } from '../../src/registry/authority.ts';
import { HOST, NETWORK } from '../fakes/api-services.ts';

const OPERATOR: Principal = { kind: 'operator' };

const LOST = new P6nError('SERVER_UNREACHABLE', 'Cannot reach the server');
type Answers = { readonly [Noun in keyof RegistryClient]?: Partial<RegistryClient[Noun]> };

const NONE = answering({});

/** Each other call finds no server. */
function answering(answers: Answers): RegistryClient {
  const lost = (): Promise<never> => Promise.reject(LOST);
  const noun = (_: object, name: string): object =>
    new Proxy(answers[name as keyof Answers] ?? {}, {
      get: (calls: Readonly<Record<string, unknown>>, call: string) => calls[call] ?? lost,
    });
  return new Proxy<RegistryClient>({} as RegistryClient, { get: noun });
}

async function code(promise: Promise<unknown>): Promise<P6nError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof P6nError);
    return error;
  }
  return assert.fail('it did not fail');
}

test('RemoteRegistryService asks the next server when one does not answer', async () => {
  const client = answering({ hosts: { list: () => Promise.resolve({ hosts: [HOST] }) } });
  const service = new RemoteRegistryService(() => [
    { name: 'one', client: NONE },
    { name: 'two', client },
  ]);
  assert.deepEqual(await service.listHosts(), { hosts: [HOST] });
});

test('RemoteRegistryService does not write twice', async () => {
  let asked = 0;
  const client = answering({
    networks: {
      create: () => {
        asked += 1;
        return Promise.reject(LOST);
      },
    },
  });
  const service = new RemoteRegistryService(() => [
    { name: 'one', client },
    { name: 'two', client },
  ]);
  const error = await code(service.createNetwork(OPERATOR, { name: 'blue' }));
  assert.equal(error.code, 'SERVER_UNREACHABLE');
  assert.equal(asked, 1);
});

test('RemoteRegistryService asks nobody else after a refusal', async () => {
  const missing = new P6nError('NOT_FOUND', 'Cannot find network "blue": there is none');
  const service = new RemoteRegistryService(() => [
    { name: 'one', client: answering({ networks: { get: () => Promise.reject(missing) } }) },
    { name: 'two', client: answering({ networks: { get: () => Promise.resolve(NETWORK) } }) },
  ]);
  assert.equal(await code(service.getNetwork(OPERATOR, { name: 'blue' })), missing);
});

test('RemoteRegistryService sends an app in the shape of the API', async () => {
  const bodies: unknown[] = [];
  const client = answering({
    apps: {
      create: (body) => {
        bodies.push(body);
        return Promise.resolve({ id: 'web', created_at: 1 });
      },
    },
  });
  const service = new RemoteRegistryService(() => [{ name: 'one', client }]);
  await service.createApp(OPERATOR, { name: 'web', organization: undefined, network: 'blue' });
  await service.createApp(OPERATOR, { name: 'web', organization: 'acme', network: undefined });
  assert.deepEqual(bodies, [
    { app_name: 'web', network: 'blue' },
    { app_name: 'web', org_slug: 'acme' },
  ]);
});

test('RemoteRegistryService leaves to servers what is theirs, and names one', async () => {
  const service = new RemoteRegistryService(() => [{ name: 'one', client: NONE }]);
  const refused = [
    service.createOrganization(),
    service.createInvite(),
    service.listInvites(),
    service.revokeInvite(),
    service.removeHost(),
  ];
  for (const promise of refused) {
    const error = await code(promise);
    assert.equal(error.code, 'NOT_A_SERVER');
    assert.match(error.hint ?? '', /host "one"/);
  }
});

test('RemoteRegistryService without a server says so', async () => {
  const service = new RemoteRegistryService(() => []);
  assert.equal((await code(service.listHosts())).code, 'SERVER_UNREACHABLE');
  assert.equal(
    (await code(service.removeApp(OPERATOR, 'web', { force: false }))).code,
    'SERVER_UNREACHABLE',
  );
  assert.equal((await code(service.createInvite())).code, 'NOT_A_SERVER');
});
