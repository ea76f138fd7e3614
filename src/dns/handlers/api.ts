// AAAA of `_api.internal`: where an instance finds the API, on the host that it asks.

import { type Handler, INTERNAL_APEX } from '../query.ts';

export const api: Handler = {
  name: 'api',
  summary: 'the API of the host',
  handle: ({ apex, app, prefix, zone }) => {
    if (apex !== INTERNAL_APEX || app !== undefined) return undefined;
    if (prefix.length !== 1 || prefix[0] !== '_api') return undefined;
    return zone?.server === undefined ? undefined : { instances: [zone.server] };
  },
};
