// Keeps to the host's resolv.conf while it changes (DHCP, VPNs): a look at the file every few
// seconds, as it may be replaced, a link, or missing for a while, which no watch survives alike.

import { readFile } from 'node:fs/promises';
import type { Stoppable } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import { parseResolvConf, type Upstream } from './resolv-conf.ts';

export interface ResolvConfOptions {
  readonly path: string;
  readonly intervalMs: number;
}

export const RESOLV_CONF: ResolvConfOptions = { path: '/etc/resolv.conf', intervalMs: 5000 };

/** Reads the file, calls `onChange` with its servers, and again whenever they have changed. */
export async function followResolvConf(
  logger: Logger,
  onChange: (upstreams: readonly Upstream[]) => void,
  options: ResolvConfOptions = RESOLV_CONF,
): Promise<Stoppable> {
  let last: string | undefined;
  let reading = false;
  const look = async (): Promise<void> => {
    if (reading) return;
    reading = true;
    // A file that cannot be read is the environment's: it has no servers until it is back.
    const text = await readFile(options.path, 'utf8').catch(() => '');
    reading = false;
    const upstreams = parseResolvConf(text);
    const shown = upstreams.map((upstream) => upstream.address).join(' ');
    if (shown === last) return;
    last = shown;
    logger.info('upstream name servers set', { upstreams: shown });
    onChange(upstreams);
  };
  await look();
  const timer = setInterval(() => void look(), options.intervalMs);
  return { stop: () => clearInterval(timer) };
}
