// Our own names while nothing is known of the asker's network: "try again" is true, and "there is
// no such name" might not be.

import type { Handler } from '../query.ts';

export const readiness: Handler = {
  name: 'readiness',
  summary: 'own names while nothing is known of the network',
  handle: ({ apex, zone }) => (apex !== undefined && zone === undefined ? 'unready' : undefined),
};
