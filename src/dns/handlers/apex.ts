// `internal` and the top of the reverse zone: the names themselves exist and hold the SOA record.

import type { Handler } from '../query.ts';

export const apex: Handler = {
  name: 'apex',
  summary: 'the tops of our own zones',
  handle: ({ apex: owner, app, prefix }) =>
    owner !== undefined && app === undefined && prefix.length === 0
      ? { authority: true }
      : undefined,
};
