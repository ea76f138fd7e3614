// TXT of `regions.<app>.internal` (`nrt,ord`) and `vms.<app>.internal` (`<machine id> <region>`,
// comma-separated): where the app runs, and as what. With `all.` before it, of stopped ones too.

import type { Handler } from '../query.ts';

export const lists: Handler = {
  name: 'lists',
  summary: 'lists of an app: regions and machines',
  handle: ({ app, prefix, indexes }) => {
    if (app === undefined || prefix.length === 0 || prefix.length > 2) return undefined;
    const isAll = prefix.length === 2;
    if (isAll && prefix[0] !== 'all') return undefined;
    const index = indexes.app(app);
    switch (prefix.at(-1)) {
      case 'regions':
        return { text: isAll ? index.allRegions : index.regions };
      case 'vms':
        return { text: isAll ? index.allMachines : index.machines };
      default:
        return undefined;
    }
  },
};
