// The registry as people see it.

import type { RegistryView } from '../../../api/contract/registry.ts';
import { type Field, formatTime } from '../../print.ts';

export const REGISTRY_FIELDS: readonly Field<RegistryView>[] = [
  { title: 'state', text: ({ state }) => state },
  { title: 'why', text: ({ facts }) => facts ?? '' },
  { title: 'since', text: ({ since }) => (since === undefined ? '' : formatTime(since)) },
  {
    title: 'hosts that reported',
    text: ({ state, reports }) => (state === 'restored' ? String(reports) : ''),
  },
  { title: 'incarnation', text: ({ incarnation }) => incarnation },
  { title: 'revision', text: ({ revision }) => String(revision) },
];
