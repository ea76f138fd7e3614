// PTR of the addresses of a network's instances, stopped ones among them, and WireGuard peers: the
// name that is theirs alone.

import { NOTHING_HERE } from '../content.ts';
import { type Handler, REVERSE_APEX } from '../query.ts';
import { findAddress } from '../reverse-index.ts';

export const reverse: Handler = {
  name: 'reverse',
  summary: 'the name of an address',
  handle: ({ apex, zone, prefix, indexes }) => {
    if (apex !== REVERSE_APEX || zone === undefined) return undefined;
    const pointers = findAddress(indexes.reverse(zone), prefix);
    if (pointers === undefined) return 'absent';
    return pointers.length === 0 ? NOTHING_HERE : { pointers };
  },
};
