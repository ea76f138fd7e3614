// AAAA of `<app>.internal` and `global.<app>.internal`: every started instance of the app.

import type { Handler } from '../query.ts';

export const app: Handler = {
  name: 'app',
  summary: 'all started instances of an app',
  handle: ({ app: owner, prefix }) => {
    if (owner === undefined) return undefined;
    const whole = prefix.length === 0 || (prefix.length === 1 && prefix[0] === 'global');
    return whole ? { instances: owner.instances } : undefined;
  },
};
