// AAAA of `<value>.<key>.kv._metadata.<app>.internal`: the started instances with that metadata;
// without a value, those with any value of that key.

import { NOTHING_HERE } from '../content.ts';
import type { Handler } from '../query.ts';

export const metadata: Handler = {
  name: 'metadata',
  summary: 'the started instances with some metadata',
  handle: ({ app, prefix, indexes }) => {
    if (app === undefined || prefix.at(-1) !== '_metadata') return undefined;
    if (prefix.length === 1) return NOTHING_HERE;
    if (prefix.at(-2) !== 'kv') return 'absent';
    if (prefix.length === 2) return NOTHING_HERE;
    const instances = indexes.metadata(app).get(prefix.slice(0, -2).join('.'));
    return instances === undefined ? 'absent' : { instances };
  },
};
