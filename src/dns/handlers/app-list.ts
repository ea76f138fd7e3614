// TXT of `_apps.internal`: the names of the network's apps.

import { type Handler, INTERNAL_APEX } from '../query.ts';

export const appList: Handler = {
  name: 'app-list',
  handle: ({ apex, zone, prefix, indexes }) =>
    apex === INTERNAL_APEX && zone !== undefined && prefix.length === 1 && prefix[0] === '_apps'
      ? { text: indexes.appNames(zone) }
      : undefined,
};
