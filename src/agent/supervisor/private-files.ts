// Puts an instance's own resolv.conf and hosts file over those of the host, in the private mount
// namespace that the supervisor lives in. The host's files stay as they are.
//
// A bind mount hides a file until somebody in another mount namespace replaces that file by
// rename, as DHCP clients do with resolv.conf: the kernel then takes the mount away. So the mounts
// are watched and made again.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { HOSTS_FILE, RESOLV_CONF_FILE } from './protocol.ts';

/** How often the mounts are looked at besides the notices that the kernel gives. */
const CHECK_INTERVAL_MS = 10_000;
const ETC = '/etc';

interface PrivateFile {
  readonly source: string;
  readonly target: string;
}

export class PrivateFiles {
  readonly #files: readonly PrivateFile[];
  readonly #stops: (() => void)[] = [];

  /** Mounts the two files that stand in `directory`. Throws when the kernel refuses. */
  constructor(directory: string) {
    this.#files = [RESOLV_CONF_FILE, HOSTS_FILE].map((name) => ({
      source: join(directory, name),
      target: join(ETC, name),
    }));
    // Without a file to hide there is nothing to mount on, and making one would change the host.
    if (this.#files.some(({ target }) => identity(target) === undefined)) {
      overlayEtc(directory, this.#files);
      return;
    }
    for (const file of this.#files) bind(file);
    this.#watch();
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #watch(): void {
    const timer = setInterval(() => this.#repair(), CHECK_INTERVAL_MS);
    this.#stops.push(() => clearInterval(timer));
    const watcher = watch(ETC, () => this.#repair());
    watcher.on('error', () => watcher.close());
    this.#stops.push(() => watcher.close());
  }

  #repair(): void {
    for (const file of this.#files) {
      // A target that is gone for the moment comes back with the next notice, and a mount that
      // fails is tried again by the timer: neither may end what holds a running command.
      try {
        const target = identity(file.target);
        if (target !== undefined && target !== identity(file.source)) bind(file);
      } catch {}
    }
  }
}

/**
 * Covers /etc with an overlay whose upper layer is in memory, for a host where one of the files is
 * absent or a link into nowhere.
 */
function overlayEtc(directory: string, files: readonly PrivateFile[]): void {
  const layer = join(directory, 'etc');
  mkdirSync(layer, { recursive: true, mode: 0o700 });
  mount('-t', 'tmpfs', '-o', 'mode=0755,size=16m', 'p6n', layer);
  const upper = join(layer, 'upper');
  const work = join(layer, 'work');
  mkdirSync(upper, { mode: 0o755 });
  mkdirSync(work, { mode: 0o755 });
  for (const { source, target } of files) {
    copyFileSync(source, join(upper, target.slice(ETC.length + 1)));
  }
  const options = `lowerdir=${ETC},upperdir=${upper},workdir=${work}`;
  mount('-t', 'overlay', '-o', options, 'p6n', ETC);
}

function bind({ source, target }: PrivateFile): void {
  mount('--bind', source, target);
}

function mount(...parameters: readonly string[]): void {
  const result = spawnSync('mount', parameters, { encoding: 'utf8' });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(result.stderr.trim());
}

/** Which file a path leads to, or undefined when it leads to none. */
function identity(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}
