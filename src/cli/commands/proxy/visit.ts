// A visit of p6nctl to a network: begun once, and begun anew when p6nd has been restarted.

import { setTimeout } from 'node:timers/promises';
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

/** The addresses of a name as an instance of the network gets them; an address is its own. */
export async function resolveTarget(
  client: ClientPart<'names', 'lookup'>,
  target: string,
  { network_id: network }: VisitView,
): Promise<readonly string[]> {
  if (target.includes(':')) return [target];
  const { records } = await client.names.lookup({ name: target, network: String(network) });
  const addresses = records.filter(({ type }) => type === 'AAAA').map(({ data }) => data);
  if (addresses.length > 0) return addresses;
  throw new P6nError('NOT_FOUND', `Cannot find "${target}": it has no address at the moment`, {
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
