// `p6nctl hosts list`: lists the hosts of the site.

import type { ClientPart } from '../../../api/client.ts';
import type { HostView } from '../../../api/contract/hosts.ts';
import type { WallMillis } from '../../../base/clock.ts';
import type { Command } from '../../command.ts';
import { formatDuration } from '../../duration.ts';
import { type Field, printList } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

export const HOST_COLUMNS: readonly Field<HostView>[] = [
  { title: 'name', text: (host) => host.name },
  { title: 'region', text: (host) => host.region },
  { title: 'role', text: (host) => host.role },
  { title: 'address', text: (host) => host.address },
  { title: 'state', text: (host) => stateOf(host) },
];

/** `now` says how long ago something was. */
function pathColumns(now: WallMillis): readonly Field<HostView>[] {
  const ago = (at: number | undefined): string =>
    at === undefined ? '' : `${formatDuration(now - at)} ago`;
  return [
    { title: 'last seen', text: (host) => ago(host.last_seen_at) },
    { title: 'round trip', text: ({ path }) => roundTripOf(path) },
    { title: 'handshake', text: ({ path }) => ago(path?.last_handshake_at) },
    { title: 'endpoint', text: ({ path }) => path?.endpoint ?? '' },
  ];
}

function stateOf({ liveness, drained_at }: HostView): string {
  return drained_at === undefined ? liveness : `${liveness}, drained`;
}

function roundTripOf(path: HostView['path']): string {
  if (path?.state === 'no path') return path.state;
  const ms = path?.round_trip_ms;
  return ms === undefined ? '' : `${ms.toFixed(1)} ms`;
}

export interface ListHostsOptions extends Speech {
  readonly client: ClientPart<'hosts', 'list'>;
  readonly now: () => WallMillis;
}

export async function listHosts(options: ListHostsOptions): Promise<void> {
  const { hosts } = await options.client.hosts.list({ paths: '1' });
  await printList(options, hosts, [...HOST_COLUMNS, ...pathColumns(options.now())]);
}

export const LIST_HOSTS: Command = {
  usage: 'list',
  summary: 'List the hosts of the site, and how each is reached from here',
  run: (context) => listHosts(context),
};
