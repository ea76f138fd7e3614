// `p6nctl status`: this host at a glance.

import type { ClientPart } from '../../../api/client.ts';
import type {
  StatusHost,
  StatusInstance,
  StatusPeer,
  StatusRegistry,
  StatusView,
} from '../../../api/contract/status.ts';
import type { WallMillis } from '../../../base/clock.ts';
import type { Command } from '../../command.ts';
import { formatDuration } from '../../duration.ts';
import { type Field, formatBytes, printJson, printList, printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

/** Of each list, so that all of it is one screen. */
const ROWS_MAX = 8;
/** A session of this age carries nothing (REJECT_AFTER_TIME of WireGuard). */
const SESSION_MAX_MS = 180_000;

export interface StatusOptions extends Speech {
  readonly client: ClientPart<'host', 'status'>;
  readonly now: () => WallMillis;
  /** More than fits one screen. */
  readonly all: boolean;
}

export async function status(options: StatusOptions): Promise<void> {
  const { client, now, terminal } = options;
  const view = await client.host.status();
  if (options.json) return await printJson(options, view);
  const show = async <T>(values: readonly T[], fields: readonly Field<T>[]): Promise<void> => {
    if (values.length === 0) return;
    const shown = options.all ? values : values.slice(0, ROWS_MAX);
    await terminal.out('\n');
    await printList(options, shown, fields);
    const more = values.length - shown.length;
    if (more > 0) await terminal.out(`and ${more} more: p6nctl status --all\n`);
  };
  await printRecord(options, view, [...hostFields(now()), ...keyChangeFields(view, now())]);
  const lastFirst = (a: StatusPeer, b: StatusPeer): number =>
    (b.last_handshake_at ?? 0) - (a.last_handshake_at ?? 0);
  await show([...view.peers].sort(lastFirst), peerColumns(now()));
  await show(view.instances, INSTANCE_COLUMNS);
  await show(byCount(view.drops), DROP_COLUMNS);
}

const INSTANCE_COLUMNS: readonly Field<StatusInstance>[] = [
  { title: 'instance', text: (instance) => instance.name },
  { title: 'id', text: (instance) => instance.id },
  { title: 'app', text: (instance) => instance.app },
  { title: 'network', text: (instance) => instance.network },
  { title: 'state', text: (instance) => instance.state },
  { title: 'address', text: (instance) => instance.address },
];

const DROP_COLUMNS: readonly Field<readonly [reason: string, count: number]>[] = [
  { title: 'dropped for', text: ([reason]) => reason },
  { title: 'count', text: ([, count]) => String(count) },
];

function hostFields(now: WallMillis): readonly Field<StatusView>[] {
  return [
    { title: 'host', text: ({ host }) => host.name },
    { title: 'region', text: ({ host }) => host.region },
    { title: 'role', text: ({ host }) => host.role },
    { title: 'address', text: ({ host }) => host.address },
    { title: 'public key', text: ({ host }) => host.public_key },
    { title: 'listens on', text: ({ host }) => ports(host) },
    { title: 'endpoints', text: ({ host }) => host.endpoints.join(', ') },
    { title: 'registry', text: ({ registry }) => registryText(registry, now) },
    { title: 'revision', text: ({ registry }) => registry.revision ?? '' },
    { title: 'sessions', text: ({ peers }) => sessions(peers, now) },
    { title: 'instances', text: ({ instances }) => counts(instances.map(({ state }) => state)) },
    { title: 'names', text: ({ names }) => pairs(byCount(names)) },
    { title: 'version', text: ({ version }) => version },
    { title: 'runs for', text: (view) => formatDuration(now - view.started_at) },
  ];
}

/** The second one is for WireGuard peers. */
function ports({ listen_port: port, gateway }: StatusHost): string {
  if (gateway === undefined) return `UDP port ${port}`;
  const { open, port: other } = gateway;
  return open ? `UDP ports ${port}, ${other}` : `UDP port ${port}, not ${other}`;
}

function registryText({ state, since }: StatusRegistry, now: WallMillis): string {
  return since === undefined ? state : `${state} for ${formatDuration(now - since)}`;
}

function keyChangeFields(
  { key_change: change }: StatusView,
  now: WallMillis,
): readonly Field<StatusView>[] {
  if (change === undefined) return [];
  const text = `waits for ${change.missing.join(', ')}, for ${formatDuration(now - change.since)}`;
  return [{ title: 'key change', text: () => text }];
}

function peerColumns(now: WallMillis): readonly Field<StatusPeer>[] {
  return [
    { title: 'peer', text: (peer) => peer.name },
    { title: 'address', text: (peer) => peer.address ?? '' },
    { title: 'endpoint', text: (peer) => peer.endpoint ?? '' },
    { title: 'handshake', text: (peer) => handshake(peer.last_handshake_at, now) },
    { title: 'received', text: (peer) => formatBytes(peer.received_bytes) },
    { title: 'sent', text: (peer) => formatBytes(peer.sent_bytes) },
    { title: 'mtu', text: (peer) => `${peer.path_mtu ?? ''}` },
  ];
}

function handshake(at: number | undefined, now: WallMillis): string {
  return at === undefined ? 'never' : `${formatDuration(now - at)} ago`;
}

function sessions(peers: readonly StatusPeer[], now: WallMillis): string {
  const live = peers.filter((peer) => now - (peer.last_handshake_at ?? 0) < SESSION_MAX_MS);
  return `${live.length} of ${peers.length} peers`;
}

function byCount(
  counters: Readonly<Record<string, number>>,
): readonly (readonly [string, number])[] {
  return Object.entries(counters).sort(([, a], [, b]) => b - a);
}

/** `3 started, 1 stopped`. */
function counts(words: readonly string[]): string {
  const found: Record<string, number> = {};
  for (const word of words) found[word] = (found[word] ?? 0) + 1;
  return pairs(byCount(found));
}

function pairs(counted: readonly (readonly [string, number])[]): string {
  return counted.map(([word, count]) => `${count} ${word}`).join(', ') || 'none';
}

export const STATUS: Command = {
  usage: 'status',
  summary: 'Show this host, its peers and instances, and what was dropped',
  options: { all: { summary: 'Show all rows, and not those of one screen' } },
  run: (context, words) => status({ ...context, all: words.flag('all') }),
};
