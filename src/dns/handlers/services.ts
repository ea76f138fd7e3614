// SRV of `_<service>._<proto>.<app>.internal`: port and name of each started instance that has
// declared the service.

import { NOTHING_HERE } from '../content.ts';
import type { Handler } from '../query.ts';

export const services: Handler = {
  name: 'services',
  summary: 'the started instances with a service, and its port',
  handle: ({ app, prefix, indexes }) => {
    const protocol = prefix.at(-1) ?? '';
    if (app === undefined || (protocol !== '_tcp' && protocol !== '_udp')) return undefined;
    const names = indexes.app(app).services.get(protocol.slice(1));
    if (names === undefined) return 'absent';
    if (prefix.length === 1) return NOTHING_HERE;
    const [name = ''] = prefix;
    const isService = prefix.length === 2 && name.startsWith('_');
    const targets = isService ? names.get(name.slice(1)) : undefined;
    return targets === undefined ? 'absent' : { services: targets };
  },
};
