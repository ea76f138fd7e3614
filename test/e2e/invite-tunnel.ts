// An invite's key in the hands of another WireGuard, on a host that is no host.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { INFRASTRUCTURE_NETWORK } from '../../src/addressing/ids.ts';
import { wireguardPeerAddress } from '../../src/addressing/layout.ts';
import { parseToken } from '../../src/daemon/invite-token.ts';
import { type SiteHost, until } from './site.ts';

export class InviteTunnel {
  readonly #program: ChildProcess;

  private constructor(program: ChildProcess) {
    this.#program = program;
  }

  static async open(host: SiteHost, invite: string): Promise<InviteTunnel> {
    const token = parseToken(readFileSync(invite, 'utf8'));
    const name = `wg${process.pid}`;
    const key = `${invite}.key`;
    writeFileSync(key, token.privateKey, { mode: 0o600 });
    const words = ['netns', 'exec', host.namespace, 'wireguard-go', '-f', name];
    const program = spawn('ip', words, { stdio: 'ignore' });
    const tunnel = new InviteTunnel(program);
    await until(
      'wireguard-go is there',
      async () => (await host.exec('wg', 'show', name)).code === 0,
    );
    const peer = ['peer', token.serverKey, 'endpoint', token.endpoints[0] as string];
    await host.exec('wg', 'set', name, 'private-key', key, ...peer, 'allowed-ips', 'fdaa::/16');
    const own = wireguardPeerAddress(INFRASTRUCTURE_NETWORK, token.server, token.number);
    await host.exec('ip', 'address', 'add', `${own}/128`, 'dev', name);
    await host.exec('ip', 'link', 'set', name, 'up');
    await host.exec('ip', 'route', 'replace', 'fdaa::/16', 'dev', name);
    return tunnel;
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#program.once('exit', resolve));
    this.#program.kill();
    await gone;
  }
}
