// What is below our own names and was known to no handler before: there is no such name. It is the
// wall in front of `forwarding`: no question for our own names passes it.

import type { Handler } from '../query.ts';

export const absence: Handler = {
  name: 'absence',
  summary: 'names below our own that do not exist',
  handle: ({ apex }) => (apex === undefined ? undefined : 'absent'),
};
