// A visit of p6nctl to a network: begun once, and begun anew when p6nd has been restarted.

import { setTimeout } from 'node:timers/promises';
import { classifyAddress } from '../../../addressing/layout.ts';
import type { ClientPart } from '../../../api/client.ts';
import type { VisitLine, VisitQuery, VisitView } from '../../../api/contract/visits.ts';
import { P6nError } from '../../../base/errors.ts';

const RETRY_MS = 500;

export type VisitClient = ClientPart<'visits', 'visit'> & ClientPart<'names', 'lookup'>;

/** Resolves when the host is present in the network, which it is until `signal` aborts. */
export async function beginVisit(
  client: ClientPart<'visits', 'visit'>,
  query: VisitQuery,
  signal: AbortSignal,
): Promise<VisitView> {
  const first = await open(client, query, signal);
  void keep(client, query, signal, first.lines);
  return first.visit;
}

/** The addresses in the network of a name, as an instance gets them; an address is its own. */
export async function resolveTarget(
  client: ClientPart<'names', 'lookup'>,
  target: string,
  { network_id: network }: VisitView,
): Promise<readonly string[]> {
  const isInside = (address: string): boolean => classifyAddress(address)?.network === network;
  if (target.includes(':')) {
    if (isInside(target)) return [target];
    throw new P6nError('VALUE_INVALID', `Cannot reach "${target}": it is not in the network`);
  }
  const { records } = await client.names.lookup({ name: target, network: String(network) });
  // The names of others have addresses of their choice, also of this very machine.
  const addresses = records
    .filter(({ type, data }) => type === 'AAAA' && isInside(data))
    .map(({ data }) => data);
  if (addresses.length > 0) return addresses;
  throw new P6nError('NOT_FOUND', `Cannot find "${target}": it has no address in the network`, {
    hint: '`p6nctl instances list` shows what runs.',
  });
}

type Lines = AsyncIterator<VisitLine>;

async function open(
  client: ClientPart<'visits', 'visit'>,
  query: VisitQuery,
  signal: AbortSignal,
): Promise<{ readonly visit: VisitView; readonly lines: Lines }> {
  const lines = client.visits.visit(query, signal)[Symbol.asyncIterator]();
  const { done, value } = await lines.next();
  if (done !== true) return { visit: value.visit, lines };
  throw new P6nError('DAEMON_UNREACHABLE', 'Cannot visit the network: p6nd said nothing');
}

/** Every end but that of `signal` is one of p6nd. */
async function keep(
  client: ClientPart<'visits', 'visit'>,
  query: VisitQuery,
  signal: AbortSignal,
  first: Lines,
): Promise<void> {
  let lines = first;
  while (!signal.aborted) {
    try {
      await lines.next();
      if (!signal.aborted) ({ lines } = await open(client, query, signal));
    } catch {
      await setTimeout(RETRY_MS);
    }
  }
}
