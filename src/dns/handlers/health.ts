// AAAA of `healthy.<app>.internal`: the started instances that have declared checks, and pass them.

import type { Handler } from '../query.ts';

export const health: Handler = {
  name: 'health',
  summary: 'the started instances whose checks pass',
  handle: ({ app, prefix, indexes }) => {
    if (app === undefined || prefix.length !== 1 || prefix[0] !== 'healthy') return undefined;
    return { instances: indexes.app(app).healthy };
  },
};
