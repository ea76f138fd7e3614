// `p6nctl wireguard create`: what is printed, where the private key stands, and that nothing stays
// of a peer whose configuration could not be printed.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import type { CreateWireguardPeer, WireguardPeerView } from '../../src/api/contract/wireguard.ts';
import type { WallMillis } from '../../src/base/clock.ts';
import { P6nError } from '../../src/base/errors.ts';
import { type CreatePeerOptions, createPeer } from '../../src/cli/commands/wireguard/create.ts';
import { WIREGUARD_PEER } from '../fakes/api-services.ts';
import { MemoryTerminal } from '../fakes/memory-terminal.ts';

const { gateway, ...WITHOUT_GATEWAY } = WIREGUARD_PEER;
const CONFIGURATION = `[Interface]
PrivateKey = PRIVATE
Address = fdaa:1:2:1:9:0:a:1/128
DNS = fdaa:1:2::3

[Peer]
PublicKey = ${gateway?.public_key}
AllowedIPs = fdaa:1:2::/48
Endpoint = 192.0.2.1:51821
PersistentKeepalive = 25
`;

test('a configuration has the private key of the key that p6nd was told', async () => {
  const { output, talk, created } = await create({});
  const [, privateKey = ''] = /PrivateKey = (.*)/.exec(output) ?? [];
  assert.equal(output, CONFIGURATION.replace('PRIVATE', privateKey));
  assert.equal(created[0]?.public_key, publicKeyOf(privateKey));
  assert.ok(!talk.includes(privateKey));
  assert.notEqual((await create({})).created[0]?.public_key, created[0]?.public_key);
});

test('a private key that the client keeps stands nowhere', async () => {
  const { output, created } = await create({ publicKey: WIREGUARD_PEER.public_key });
  assert.equal(output, CONFIGURATION.replace('PRIVATE', 'PUT-YOUR-PRIVATE-KEY-HERE'));
  assert.equal(created[0]?.public_key, WIREGUARD_PEER.public_key);
});

test('an endpoint of the command line goes before that of the gateway', async () => {
  const { output } = await create({ endpoint: 'vpn.example.net:443' });
  assert.match(output, /\nEndpoint = vpn\.example\.net:443\n/);
});

test('a gateway that has just made its key is waited for', async () => {
  const { output } = await create({}, [WITHOUT_GATEWAY, WITHOUT_GATEWAY, WIREGUARD_PEER]);
  assert.match(output, /\nEndpoint = 192\.0\.2\.1:51821\n/);
});

test('a peer whose gateway says nothing is taken back', async () => {
  const { error, removed, output } = await create({}, [WITHOUT_GATEWAY, WITHOUT_GATEWAY]);
  assert.equal(error?.code, 'TIMED_OUT');
  assert.deepEqual([removed, output], [1, '']);
  const nowhere = { ...WIREGUARD_PEER, gateway: { public_key: 'A', endpoints: [] } };
  const other = await create({}, [nowhere]);
  assert.deepEqual([other.error?.code, other.removed, other.output], ['VALUE_INVALID', 1, '']);
});

test('a QR code is drawn in place of the text', async () => {
  const { output } = await create({ qr: true });
  assert.ok(!output.includes('PrivateKey'));
  assert.match(output, /^[█▀▄ \n]+$/);
});

test('a program gets peer, key and configuration in JSON', async () => {
  const { output, talk } = await create({ json: true });
  const { private_key: privateKey, configuration, peer } = JSON.parse(output);
  assert.deepEqual(peer, WIREGUARD_PEER);
  assert.equal(configuration, CONFIGURATION.replace('PRIVATE', privateKey));
  assert.equal(talk, '');
});

interface Created {
  readonly output: string;
  readonly talk: string;
  readonly created: readonly CreateWireguardPeer[];
  readonly removed: number;
  readonly error: P6nError | undefined;
}

/** What p6nd says is `answers`, the last again and again; with each the clock goes on by 10 s. */
async function create(
  options: Partial<CreatePeerOptions>,
  answers: readonly WireguardPeerView[] = [WIREGUARD_PEER],
): Promise<Created> {
  const terminal = new MemoryTerminal(false);
  const created: CreateWireguardPeer[] = [];
  let [asked, removed, now] = [0, 0, 0];
  const answer = (): Promise<WireguardPeerView> => {
    asked += 1;
    now += 10_000;
    return Promise.resolve(answers[Math.min(asked, answers.length) - 1] ?? WIREGUARD_PEER);
  };
  let error: P6nError | undefined;
  try {
    await createPeer({
      client: {
        wireguard: {
          create: (body) => {
            created.push(body);
            return answer();
          },
          get: answer,
          remove: () => {
            removed += 1;
            return Promise.resolve();
          },
        },
      },
      now: () => now as WallMillis,
      request: { name: 'anna', network: 'blue' },
      ...{ terminal, json: false, qr: false, publicKey: undefined, endpoint: undefined },
      ...options,
    });
  } catch (failure) {
    assert.ok(failure instanceof P6nError);
    error = failure;
  }
  return { output: terminal.output, talk: terminal.talk, created, removed, error };
}

function publicKeyOf(privateKey: string): string {
  const d = Buffer.from(privateKey, 'base64').toString('base64url');
  // Node.js wants the public half too, and does not look at it.
  const jwk = { kty: 'OKP', crv: 'X25519', d, x: d };
  const key = createPublicKey(createPrivateKey({ format: 'jwk', key: jwk }));
  const { x = '' } = key.export({ format: 'jwk' });
  return Buffer.from(x, 'base64url').toString('base64');
}
