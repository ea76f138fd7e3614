// `p6nctl proxy`: makes a port of an instance a port, or a unix socket, of this machine.

import { isAbsolute } from 'node:path';
import type { ClientPart } from '../../../api/client.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Command, CommandContext } from '../../command.ts';
import { talk, warn } from '../../terminal.ts';
import { type RelayTarget, relayTcp } from './tcp-relay.ts';
import { relayUdp } from './udp-relay.ts';
import { beginVisit, resolveTarget, type VisitClient } from './visit.ts';

const PORT_MAX = 65_535;

export type Local =
  | { readonly kind: 'port'; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

export interface Mapping {
  readonly local: Local;
  readonly remotePort: number;
}

export interface ProxyOptions extends Pick<CommandContext, 'json' | 'terminal' | 'onInterrupt'> {
  readonly client: VisitClient & ClientPart<'apps', 'get'>;
  readonly app: string;
  readonly mapping: Mapping;
  /** A name or an address; the instances of the app where absent. */
  readonly target: string | undefined;
  /** Where it listens. */
  readonly bind: string;
  readonly udp: boolean;
}

/** Until it is interrupted. */
export async function proxy(options: ProxyOptions): Promise<void> {
  const { app, client, mapping } = options;
  const { network, organization } = await client.apps.get(app);
  const target = options.target ?? `${app}.internal`;
  const abort = new AbortController();
  const interrupted = new Promise<void>((resolve) => {
    abort.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const forget = options.onInterrupt(() => abort.abort());
  try {
    const query = { network, organization: organization.slug };
    const visit = await beginVisit(client, query, abort.signal);
    const relay = await listen(options, {
      resolve: () => resolveTarget(client, target, visit),
      port: mapping.remotePort,
      source: visit.address,
      onFailed: (error) => void warn(options, reasonOf(error)),
    });
    const to = `port ${mapping.remotePort} of ${target}`;
    await talk(options, `Serving ${to} in network ${network} at ${describe(options)}.`);
    await interrupted;
    relay.close();
  } finally {
    abort.abort();
    forget();
  }
}

async function listen(
  { bind, mapping: { local }, udp }: ProxyOptions,
  target: RelayTarget,
): Promise<{ close(): unknown }> {
  try {
    if (local.kind === 'socket') return await relayTcp({ path: local.path }, target);
    const place = { host: bind, port: local.port };
    return await (udp ? relayUdp(place, target) : relayTcp(place, target));
  } catch (cause) {
    const where = local.kind === 'socket' ? local.path : `port ${local.port}`;
    throw new P6nError('PORT_TAKEN', `Cannot listen at ${where}: ${reasonOf(cause)}`, {
      hint: 'Choose another one in front of the colon.',
      cause,
    });
  }
}

/** `8080:80`, `80` for the same port, or `/path/of/a.sock:80`. */
export function parseMapping(text: string): Mapping {
  const end = text.lastIndexOf(':');
  const remotePort = portOf(text.slice(end + 1));
  const before = end < 0 ? text : text.slice(0, end);
  if (isAbsolute(before)) return { local: { kind: 'socket', path: before }, remotePort };
  return { local: { kind: 'port', port: portOf(before) }, remotePort };
}

function portOf(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 1 && port <= PORT_MAX) return port;
  throw new P6nError('VALUE_INVALID', `Cannot use "${text}" as a port: it is none`, {
    hint: 'Write LOCAL:REMOTE, as in 8080:80 or /run/web.sock:80.',
  });
}

function describe({ bind, mapping: { local }, udp }: ProxyOptions): string {
  if (local.kind === 'socket') return local.path;
  const host = bind.includes(':') ? `[${bind}]` : bind;
  return `${host}:${local.port} (${udp ? 'UDP' : 'TCP'})`;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'EADDRNOTAVAIL') return message;
  return `${message}: p6nctl runs in another network namespace than p6nd`;
}

export const PROXY: Command = {
  usage: 'proxy <mapping> [target]',
  summary: "Make a port of an app's instances a port of this machine: LOCAL:REMOTE [NAME|ADDRESS]",
  options: {
    app: { summary: 'An app of the network', value: 'NAME', required: true },
    bind: { summary: 'Where to listen: 127.0.0.1 unless it says otherwise', value: 'ADDRESS' },
    udp: { summary: 'Carry datagrams in place of connections' },
  },
  run: (context, words) => {
    const mapping = parseMapping(words.text('mapping'));
    const udp = words.flag('udp');
    if (udp && mapping.local.kind === 'socket') {
      throw new P6nError('USAGE', 'Cannot proxy: --udp needs a port, not a socket, to listen at');
    }
    return proxy({
      ...context,
      ...{ mapping, udp },
      app: words.text('app'),
      target: words.optionalText('target'),
      bind: words.optionalText('bind') ?? '127.0.0.1',
    });
  },
};
