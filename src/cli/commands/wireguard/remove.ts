// `p6nctl wireguard remove`: takes a laptop out of its network.

import type { ClientPart } from '../../../api/client.ts';
import type { Command } from '../../command.ts';
import { type Speech, talk } from '../../terminal.ts';
import { PEER_OPTIONS, type PeerReference, readReference } from './fields.ts';

export interface RemovePeerOptions extends Speech {
  readonly client: ClientPart<'wireguard', 'remove'>;
  readonly reference: PeerReference;
}

export async function removePeer(options: RemovePeerOptions): Promise<void> {
  const { client, reference } = options;
  await client.wireguard.remove(reference);
  await talk(options, `Removed peer ${reference.name} of network ${reference.network.name}.`);
}

export const REMOVE_PEER: Command = {
  usage: 'remove <name>',
  summary: 'Take a laptop out of its network, at once',
  options: PEER_OPTIONS,
  run: (context, words) => removePeer({ ...context, reference: readReference(words) }),
};
