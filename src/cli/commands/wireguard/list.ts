// `p6nctl wireguard list`: lists WireGuard peers.

import type { ClientPart } from '../../../api/client.ts';
import type { WireguardFilter } from '../../../api/contract/wireguard.ts';
import { type Command, optional } from '../../command.ts';
import { printList } from '../../print.ts';
import type { Speech } from '../../terminal.ts';
import { PEER_COLUMNS } from './fields.ts';

export interface ListPeersOptions extends Speech {
  readonly client: ClientPart<'wireguard', 'list'>;
  readonly filter: WireguardFilter;
}

export async function listPeers(options: ListPeersOptions): Promise<void> {
  const { peers } = await options.client.wireguard.list(options.filter);
  await printList(options, peers, PEER_COLUMNS);
}

export const LIST_PEERS: Command = {
  usage: 'list',
  summary: 'List WireGuard peers, and when this host heard its own last',
  options: {
    network: { summary: 'Only those of this network', value: 'NAME' },
    organization: { summary: 'Only those of this organization', value: 'NAME' },
  },
  run: (context, words) =>
    listPeers({
      ...context,
      filter: {
        ...optional('network', words.optionalText('network')),
        ...optional('organization', words.optionalText('organization')),
      },
    }),
};
