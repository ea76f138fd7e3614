// What is counted of questions and of what became of them. Each question adds one to exactly one of
// the outcomes; `truncated` counts replies that an outcome counts too, and `textCut` those with a
// TXT record that no message could hold whole.

export const DNS_COUNTERS = [
  'answered',
  'empty',
  'absent',
  'forward',
  'unready',
  'refused',
  'formatError',
  'notImplemented',
  'badVersion',
  'droppedShort',
  'droppedResponse',
  'truncated',
  'textCut',
] as const;

export type DnsCounter = (typeof DNS_COUNTERS)[number];
export type DnsCounters = Record<DnsCounter, number>;

export function makeDnsCounters(): DnsCounters {
  return Object.fromEntries(DNS_COUNTERS.map((name) => [name, 0])) as DnsCounters;
}
