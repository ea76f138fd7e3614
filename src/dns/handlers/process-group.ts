// AAAA of `<group>.process.<app>.internal`: the started instances of a process group.

import { NOTHING_HERE } from '../content.ts';
import type { Handler } from '../query.ts';

export const processGroup: Handler = {
  name: 'process-group',
  summary: 'the started instances of a process group',
  handle: ({ app, prefix, indexes }) => {
    if (app === undefined || prefix[prefix.length - 1] !== 'process') return undefined;
    if (prefix.length === 1) return NOTHING_HERE;
    const group = prefix[0] ?? '';
    const instances = prefix.length === 2 ? indexes.app(app).byGroup.get(group) : undefined;
    return instances === undefined ? 'absent' : { instances };
  },
};
