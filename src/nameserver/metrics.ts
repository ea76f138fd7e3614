// What is counted of the name server beyond the outcomes of single questions (dns/metrics.ts).

export const NAMESERVER_COUNTERS = [
  /** Datagrams and connections from addresses that are none of an instance, host or peer. */
  'foreignSources',
  /** Questions dropped because their source had used up its share. */
  'overRate',
  /** Datagrams of ours that the kernel did not take. */
  'sendFailures',
  'tcpConnections',
  'tcpConnectionsRefused',
  'tcpDeadlines',
  /** Connections closed because of a message that is too short or too long. */
  'tcpBadFrames',
  'forwardsCached',
  'forwardsAnswered',
  'forwardsFailed',
  /** Forwards that were not begun, because too many were under way. */
  'forwardsBusy',
  'upstreamQuestions',
  'upstreamTimeouts',
  /** Datagrams from an upstream server that are no reply to what was asked. */
  'upstreamMismatches',
] as const;

export type NameserverCounter = (typeof NAMESERVER_COUNTERS)[number];
export type NameserverCounters = Record<NameserverCounter, number>;

export function makeNameserverCounters(): NameserverCounters {
  return Object.fromEntries(NAMESERVER_COUNTERS.map((name) => [name, 0])) as NameserverCounters;
}
