// `p6nctl ping`: round trips from this host to an instance or a laptop of a network.

import { setTimeout } from 'node:timers/promises';
import type { ClientPart } from '../../../api/client.ts';
import type { VisitQuery } from '../../../api/contract/visits.ts';
import { P6nError } from '../../../base/errors.ts';
import { type Command, type CommandContext, optional } from '../../command.ts';
import { printJson } from '../../print.ts';
import { beginVisit, resolveTarget, type VisitClient } from './visit.ts';

const COUNT_DEFAULT = 4;
const COUNT_MAX = 1_000_000;
/** Between two of them. */
const INTERVAL_MS = 1_000;

export interface PingOptions extends Pick<CommandContext, 'json' | 'terminal' | 'onInterrupt'> {
  readonly client: VisitClient & ClientPart<'visits', 'ping'>;
  readonly query: VisitQuery;
  readonly target: string;
  readonly count: number;
}

/** Throws TIMED_OUT when nothing has answered at all. */
export async function ping(options: PingOptions): Promise<void> {
  const { client, count, json, query, target, terminal } = options;
  const abort = new AbortController();
  const forget = options.onInterrupt(() => abort.abort());
  const roundTrips: number[] = [];
  let sent = 0;
  try {
    const visit = await beginVisit(client, query, abort.signal);
    const [address = ''] = await resolveTarget(client, target, visit);
    while (sent < count && !abort.signal.aborted) {
      if (sent > 0) await pause(abort.signal);
      const asked = { network_id: visit.network_id, address };
      const { round_trip_ms: roundTripMs } = await client.visits.ping(asked);
      sent += 1;
      if (roundTripMs !== undefined) roundTrips.push(roundTripMs);
      const text = roundTripMs === undefined ? 'no answer' : `${roundTripMs.toFixed(2)} ms`;
      if (!json) await terminal.out(`${address}: ${text}\n`);
    }
    const summary = summarize(address, sent, roundTrips);
    if (json) await printJson(options, summary);
    else await terminal.out(sentence(summary));
  } finally {
    abort.abort();
    forget();
  }
  if (roundTrips.length > 0 || sent === 0) return;
  throw new P6nError('TIMED_OUT', `Cannot reach "${target}": none of ${sent} pings was answered`, {
    hint: '`p6nctl explain` says which rule a packet meets.',
  });
}

interface Summary {
  readonly address: string;
  readonly sent: number;
  readonly answered: number;
  readonly min_ms?: number;
  readonly average_ms?: number;
  readonly max_ms?: number;
}

function summarize(address: string, sent: number, roundTrips: readonly number[]): Summary {
  const answered = roundTrips.length;
  if (answered === 0) return { address, sent, answered };
  return {
    ...{ address, sent, answered },
    min_ms: Math.min(...roundTrips),
    average_ms: roundTrips.reduce((sum, one) => sum + one, 0) / answered,
    max_ms: Math.max(...roundTrips),
  };
}

function sentence({ sent, answered, ...times }: Summary): string {
  const lost = sent === 0 ? 0 : (100 * (sent - answered)) / sent;
  const { min_ms: min, average_ms: average, max_ms: max } = times;
  const trips = [min, average, max].map((ms) => ms?.toFixed(2) ?? '-').join(', ');
  const counts = `${sent} sent, ${answered} answered, ${lost.toFixed(0)} % lost`;
  return `${counts}; least, mean, most: ${trips} ms\n`;
}

/** Ends early without an error. */
async function pause(signal: AbortSignal): Promise<void> {
  await setTimeout(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
}

export const PING: Command = {
  usage: 'ping <target>',
  summary: 'Measure the round trip to an instance or a laptop, by name or address',
  options: {
    network: { summary: 'The network that it is in', value: 'NAME', required: true },
    organization: { summary: 'The organization of the network', value: 'NAME' },
    count: { summary: `How many: ${COUNT_DEFAULT} unless it says otherwise`, value: 'NUMBER' },
  },
  run: (context, words) =>
    ping({
      ...context,
      query: {
        network: words.text('network'),
        ...optional('organization', words.optionalText('organization')),
      },
      target: words.text('target'),
      count: words.optionalInteger('count', { min: 1, max: COUNT_MAX }) ?? COUNT_DEFAULT,
    }),
};
