// A WireGuard peer as people see it, and how commands name one.

import type { ApiClient } from '../../../api/client.ts';
import type { WireguardPeerView } from '../../../api/contract/wireguard.ts';
import type { CommandOption, Words } from '../../command.ts';
import { type Field, formatBytes, formatTime } from '../../print.ts';

/** A peer by its name in a network. */
export type PeerReference = Parameters<ApiClient['wireguard']['get']>[0];

export const PEER_COLUMNS: readonly Field<WireguardPeerView>[] = [
  { title: 'name', text: ({ name }) => name },
  { title: 'network', text: ({ network }) => network },
  { title: 'address', text: ({ address }) => address },
  { title: 'gateway', text: ({ host }) => host },
  { title: 'heard', text: ({ session }) => timeText(session?.last_handshake_at) },
];

export const PEER_FIELDS: readonly Field<WireguardPeerView>[] = [
  ...PEER_COLUMNS.slice(0, 4),
  { title: 'public key', text: (peer) => peer.public_key },
  { title: 'endpoint', text: ({ session }) => session?.endpoint ?? '' },
  { title: 'heard', text: ({ session }) => timeText(session?.last_handshake_at) },
  { title: 'received', text: ({ session }) => bytesText(session?.received_bytes) },
  { title: 'sent', text: ({ session }) => bytesText(session?.sent_bytes) },
  { title: 'created', text: (peer) => formatTime(peer.created_at) },
];

export const PEER_OPTIONS: Readonly<Record<string, CommandOption>> = {
  network: { summary: 'The network that it is a member of', value: 'NAME', required: true },
  organization: { summary: 'The organization of the network', value: 'NAME' },
};

export function readReference(words: Words): PeerReference {
  const organization = words.optionalText('organization');
  return { name: words.text('name'), network: { name: words.text('network'), organization } };
}

export function referenceOf({ name, network, organization }: WireguardPeerView): PeerReference {
  return { name, network: { name: network, organization } };
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? '' : formatTime(ms);
}

function bytesText(bytes: number | undefined): string {
  return bytes === undefined ? '' : formatBytes(bytes);
}
