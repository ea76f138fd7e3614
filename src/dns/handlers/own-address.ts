// AAAA of `self.internal`, `fly-local-6pn` and `i6pn.modal.local`: the address of whoever asks. No
// table is needed for it.

import { type Handler, INTERNAL_APEX, OWN_ADDRESS_APEXES, type Query } from '../query.ts';

export const ownAddress: Handler = {
  name: 'own-address',
  summary: 'the address of whoever asks',
  handle: (query) => {
    if (!isOwnName(query)) return undefined;
    const { self, apex } = query;
    return {
      ...(self === undefined ? {} : { instances: [self] }),
      ...(apex === INTERNAL_APEX ? {} : { authority: true }),
    };
  },
};

function isOwnName({ apex, prefix, app }: Query): boolean {
  if (apex === undefined || app !== undefined) return false;
  if (apex === INTERNAL_APEX) return prefix.length === 1 && prefix[0] === 'self';
  return prefix.length === 0 && OWN_ADDRESS_APEXES.includes(apex);
}
