// `p6nctl status`: this host at a glance.

import type { ClientPart } from '../../../api/client.ts';
import type { StatusInstance, StatusPeer, StatusView } from '../../../api/contract/status.ts';
import type { WallMillis } from '../../../base/clock.ts';
import type { Command } from '../../command.ts';
import { formatDuration } from '../../duration.ts';
import { type Field, formatBytes, printJson, printList, printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

export interface StatusOptions extends Speech {
  readonly client: ClientPart<'host', 'status'>;
  readonly now: () => WallMillis;
}

export async function status(options: StatusOptions): Promise<void> {
  const { client, now, terminal } = options;
  const view = await client.host.status();
  if (options.json) return await printJson(options, view);
  await printRecord(options, view, hostFields(now()));
  if (view.peers.length > 0) {
    await terminal.out('\n');
    await printList(options, view.peers, peerColumns(now()));
  }
  if (view.instances.length > 0) {
    await terminal.out('\n');
    await printList(options, view.instances, INSTANCE_COLUMNS);
  }
  const names = Object.entries(view.names);
  if (names.length > 0) {
    await terminal.out('\n');
    await printList(options, names, NAME_COLUMNS);
  }
  const drops = Object.entries(view.drops).sort(([, a], [, b]) => b - a);
  if (drops.length > 0) {
    await terminal.out('\n');
    await printList(options, drops, DROP_COLUMNS);
  }
}

const INSTANCE_COLUMNS: readonly Field<StatusInstance>[] = [
  { title: 'instance', text: (instance) => instance.name },
  { title: 'id', text: (instance) => instance.id },
  { title: 'app', text: (instance) => instance.app },
  { title: 'network', text: (instance) => instance.network },
  { title: 'state', text: (instance) => instance.state },
  { title: 'address', text: (instance) => instance.address },
];

const NAME_COLUMNS: readonly Field<readonly [result: string, count: number]>[] = [
  { title: 'questions for names', text: ([result]) => result },
  { title: 'count', text: ([, count]) => String(count) },
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
    { title: 'listens on', text: ({ host }) => `UDP port ${host.listen_port}` },
    { title: 'endpoints', text: ({ host }) => host.endpoints.join(', ') },
    { title: 'registry', text: ({ registry }) => registry.state },
    { title: 'revision', text: ({ registry }) => registry.revision ?? '' },
    { title: 'version', text: ({ version }) => version },
    { title: 'runs for', text: (view) => formatDuration(now - view.started_at) },
  ];
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

export const STATUS: Command = {
  usage: 'status',
  summary: 'Show this host, its peers and instances, and what was dropped',
  run: (context) => status(context),
};
