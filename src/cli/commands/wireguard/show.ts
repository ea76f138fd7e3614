// `p6nctl wireguard show`: shows one WireGuard peer.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { PEER_FIELDS, PEER_OPTIONS, type PeerReference, readReference } from './fields.ts';

export interface ShowPeerOptions extends Speech {
  readonly client: ClientPart<'wireguard', 'get'>;
  readonly reference: PeerReference;
}

export async function showPeer(options: ShowPeerOptions): Promise<void> {
  await printRecord(options, await options.client.wireguard.get(options.reference), PEER_FIELDS);
}

export const SHOW_PEER: Command = {
  usage: 'show <name>',
  summary: 'Show a WireGuard peer',
  options: PEER_OPTIONS,
  run: (context, words) => showPeer({ ...context, reference: readReference(words) }),
};
