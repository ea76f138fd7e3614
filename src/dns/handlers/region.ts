// AAAA of `<region>.<app>.internal`: the started instances of a region. A region of the site
// without one exists all the same. Any label may be a region's, so this comes behind the words.

import { NOTHING_HERE } from '../content.ts';
import type { Handler } from '../query.ts';

export const region: Handler = {
  name: 'region',
  summary: 'the started instances of a region',
  handle: ({ app, prefix, indexes, zone }) => {
    if (app === undefined || prefix.length !== 1) return undefined;
    const label = prefix[0] ?? '';
    const instances = indexes.app(app).byRegion.get(label);
    if (instances !== undefined) return { instances };
    return zone?.regions.has(label) ? NOTHING_HERE : undefined;
  },
};
