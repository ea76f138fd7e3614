// TXT of the lists of a network: `_apps.internal`, `_instances.internal` and, of stopped instances
// too, `all._instances.internal`, and `_peer.internal`.

import { type Handler, INTERNAL_APEX } from '../query.ts';
import { PEER_LABEL } from '../zone.ts';

export const networkLists: Handler = {
  name: 'network-lists',
  summary: 'lists of the network: apps, instances and peers',
  handle: ({ apex, app, zone, prefix, indexes }) => {
    if (apex !== INTERNAL_APEX || app !== undefined || zone === undefined) return undefined;
    const isAll = prefix.length === 2 && prefix[0] === 'all';
    if (prefix.length !== 1 && !isAll) return undefined;
    switch (prefix.at(-1)) {
      case '_apps':
        return { text: indexes.network(zone).apps };
      case '_instances': {
        const { instances, allInstances } = indexes.network(zone);
        return { text: isAll ? allInstances : instances };
      }
      case PEER_LABEL:
        return isAll ? undefined : { text: indexes.network(zone).peers };
      default:
        return undefined;
    }
  },
};
