// AAAA of `top<N>.nearest.of.<app>.internal`: the N started instances that are nearest, those of
// this host before all others.

import { NOTHING_HERE } from '../content.ts';
import type { Handler } from '../query.ts';

const TOP_PATTERN = /^top([1-9][0-9]{0,5})$/;

export const nearest: Handler = {
  name: 'nearest',
  summary: 'the nearest started instances',
  handle: ({ app, zone, prefix, indexes }) => {
    if (app === undefined || zone === undefined || prefix.at(-1) !== 'of') return undefined;
    if (prefix.length === 1) return NOTHING_HERE;
    if (prefix.at(-2) !== 'nearest') return 'absent';
    if (prefix.length === 2) return NOTHING_HERE;
    const count = prefix.length === 3 ? TOP_PATTERN.exec(prefix[0] ?? '')?.[1] : undefined;
    if (count === undefined) return 'absent';
    return { nearest: { groups: indexes.nearest(zone, app), count: Number(count) } };
  },
};
