// wireguard-go as the other side of an end-to-end test: a process inside a network namespace,
// configured with wg(8).

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { toBase64 } from '../../src/base/bytes.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { type KeyPair, keyPair } from '../../src/wireguard/identity.ts';
import type { TestNamespace } from './namespaces.ts';

const PROGRAM = '/usr/bin/wireguard-go';
const POLL_MS = 20;

/** Why there is no wireguard-go here, or false. */
export const NO_WIREGUARD_GO: string | false = existsSync(PROGRAM) ? false : `needs ${PROGRAM}`;

export interface WireguardGoPeer {
  readonly publicKey: Uint8Array;
  readonly presharedKey?: Uint8Array;
  /** `10.9.0.1:51820` */
  readonly endpoint?: string;
}

export interface WireguardGo {
  readonly keys: KeyPair;
  readonly interfaceName: string;
  /** Sets its one peer, which everything in fdaa::/16 is routed to. */
  setPeer(peer: WireguardGoPeer): void;
  /** What `wg show INTERFACE WHAT` prints. */
  show(what: string): string;
}

/** Starts it inside `namespace` with one address in fdaa::/16; it ends with the test. */
export async function startWireguardGo(
  t: TestContext,
  namespace: TestNamespace,
  options: { readonly address: string; readonly listenPort: number; readonly mtu: number },
): Promise<WireguardGo> {
  // Its control sockets stand in one folder for all namespaces, so the name is unique.
  const interfaceName = `wg${randomBytes(4).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'p6n-wg-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const words = ['netns', 'exec', namespace.name, PROGRAM, '-f', interfaceName];
  const child = spawn('ip', words, {
    stdio: 'ignore',
    env: { ...process.env, LOG_LEVEL: 'error' },
  });
  t.after(() => child.kill());
  const socket = `/var/run/wireguard/${interfaceName}.sock`;
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error(`wireguard-go ended with ${child.exitCode}`);
    await delay(POLL_MS);
  }
  const keys = keyPair(NOBLE_CRYPTO, new Uint8Array(randomBytes(32)));
  const keyFile = (name: string, key: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, toBase64(key), { mode: 0o600 });
    return path;
  };
  const privateKey = keyFile('private', keys.privateKey);
  namespace.run(
    `wg set ${interfaceName} private-key ${privateKey} listen-port ${options.listenPort}`,
  );
  namespace.run(`ip link set ${interfaceName} mtu ${options.mtu} up`);
  namespace.run(`ip addr add ${options.address}/128 dev ${interfaceName} nodad`);
  namespace.run(`ip route add fdaa::/16 dev ${interfaceName}`);
  return {
    keys,
    interfaceName,
    setPeer: ({ publicKey, presharedKey, endpoint }) => {
      const preshared =
        presharedKey === undefined ? '' : ` preshared-key ${keyFile('psk', presharedKey)}`;
      const known = endpoint === undefined ? '' : ` endpoint ${endpoint}`;
      const peer = `peer ${toBase64(publicKey)}${preshared}${known} allowed-ips fdaa::/16`;
      namespace.run(`wg set ${interfaceName} ${peer}`);
    },
    show: (what) => namespace.run(`wg show ${interfaceName} ${what}`).trim(),
  };
}
