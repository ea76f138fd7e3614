// AAAA of a WireGuard peer of the network.

import { type Handler, INTERNAL_APEX } from '../query.ts';
import { PEER_LABEL } from '../zone.ts';

export const peer: Handler = {
  name: 'peer',
  summary: 'the address of a WireGuard peer',
  handle: ({ apex, zone, prefix, indexes }) => {
    if (apex !== INTERNAL_APEX || zone === undefined) return undefined;
    const [name = '', label] = prefix;
    if (prefix.length !== 2 || label !== PEER_LABEL) return undefined;
    const targets = indexes.network(zone).peersByName.get(name);
    return targets === undefined ? 'absent' : { instances: targets };
  },
};
