// TXT of `regions.<app>.internal` (`nrt,ord`) and `vms.<app>.internal` (`<machine id> <region>`,
// comma-separated): where the app runs, and as what.

import type { Handler } from '../query.ts';

export const lists: Handler = {
  name: 'lists',
  handle: ({ app, prefix, indexes }) => {
    if (app === undefined || prefix.length !== 1) return undefined;
    if (prefix[0] === 'regions') return { text: indexes.app(app).regions };
    if (prefix[0] === 'vms') return { text: indexes.app(app).machines };
    return undefined;
  },
};
