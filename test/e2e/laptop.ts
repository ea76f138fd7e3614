// A laptop of an end-to-end test: a namespace of its own in which wg-quick(8) applies what p6nctl
// has printed, with wireguard-go as its WireGuard. It ends with its site.

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, type Outcome, run, type Site, type SiteHost } from './site.ts';

/** Why there are no laptops here, or false. */
export const NO_WG_QUICK: string | false =
  existsSync('/usr/bin/wireguard-go') && existsSync('/usr/bin/wg-quick')
    ? false
    : 'needs wireguard-go and wg-quick';

/** In place of a resolvconf(8), which a machine may lack: `-a INTERFACE` takes the name servers. */
const RESOLVCONF = '#!/bin/sh\n[ "$1" = -a ] && cat > /etc/resolv.conf\nexit 0\n';

export class Laptop {
  readonly host: SiteHost;
  readonly #folder: string;
  /** One folder holds the control sockets of all namespaces, so the name is unique. */
  readonly interfaceName: string = `lap${randomBytes(4).toString('hex')}`;

  private constructor(host: SiteHost, folder: string) {
    this.host = host;
    this.#folder = folder;
  }

  /** A namespace on the site's bridge. */
  static async create(site: Site, name: string): Promise<Laptop> {
    const laptop = new Laptop(await site.addHost(name), join(site.folder, name));
    mkdirSync(laptop.#folder, { recursive: true });
    mkdirSync(laptop.#etc, { recursive: true });
    writeFileSync(join(laptop.#etc, 'resolv.conf'), '');
    const resolvconf = join(laptop.#folder, 'resolvconf');
    writeFileSync(resolvconf, RESOLVCONF);
    chmodSync(resolvconf, 0o755);
    return laptop;
  }

  /** Applies a configuration as it was printed. */
  async up(configuration: string): Promise<void> {
    writeFileSync(this.#file, configuration, { mode: 0o600 });
    await must('ip', ...this.#inside, 'wg-quick', 'up', this.#file);
  }

  /** Ends the tunnel and forgets the files of the namespace. */
  async down(): Promise<void> {
    await run('ip', ...this.#inside, 'wg-quick', 'down', this.#file);
    rmSync(this.#etc, { recursive: true, force: true });
  }

  /** A program of the laptop. */
  exec(...words: readonly string[]): Promise<Outcome> {
    return run('ip', ...this.#inside, ...words);
  }

  get #etc(): string {
    return join('/etc/netns', this.host.namespace);
  }

  get #file(): string {
    return join(this.#folder, `${this.interfaceName}.conf`);
  }

  get #inside(): readonly string[] {
    const { PATH = '' } = process.env;
    return [
      ...['netns', 'exec', this.host.namespace, 'env', `PATH=${this.#folder}:${PATH}`],
      'WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go',
    ];
  }
}
