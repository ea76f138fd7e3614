// All other names: asked of the host's own resolvers, for who wants that.

import type { Handler } from '../query.ts';

export const forwarding: Handler = {
  name: 'forwarding',
  summary: 'names of others, asked of the resolvers of the host',
  handle: ({ recursionDesired }) => (recursionDesired ? 'forward' : 'refused'),
};
