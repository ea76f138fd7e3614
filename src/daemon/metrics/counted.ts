// Where each counter of the data plane and of the name server stands among the metrics. A test
// holds that none is left out.

import type { MetricName, Sample } from '../../metrics/definitions.ts';

type Place = readonly [metric: MetricName, labels?: Readonly<Record<string, string>>];
export type NamedSample = readonly [MetricName, Sample];

const RECEIVED = 'received';
const SENT = 'sent';

const DATAPLANE: Readonly<Record<string, Place>> = {
  packets_from_tuns: ['p6n_packets_total', { device: 'tun', direction: RECEIVED }],
  packets_to_tuns: ['p6n_packets_total', { device: 'tun', direction: SENT }],
  bytes_from_tuns: ['p6n_bytes_total', { device: 'tun', direction: RECEIVED }],
  bytes_to_tuns: ['p6n_bytes_total', { device: 'tun', direction: SENT }],
  udp_received: ['p6n_packets_total', { device: 'wireguard', direction: RECEIVED }],
  udp_sent: ['p6n_packets_total', { device: 'wireguard', direction: SENT }],
  device_received_bytes: ['p6n_bytes_total', { device: 'wireguard', direction: RECEIVED }],
  device_sent_bytes: ['p6n_bytes_total', { device: 'wireguard', direction: SENT }],
  rejections_to_tuns: ['p6n_rejections_total', { to: 'tun' }],
  rejections_to_peers: ['p6n_rejections_total', { to: 'peer' }],
  segments_from_tuns: ['p6n_segments_total', { direction: RECEIVED }],
  segments_to_tuns: ['p6n_segments_total', { direction: SENT }],
  offloads_refused: ['p6n_offloads_refused_total'],
  udp_source_lost: ['p6n_sources_lost_total'],
  udp_runs_split: ['p6n_runs_split_total'],
  device_staged: ['p6n_wireguard_staged_total', { stage: 'staged' }],
  device_sent_staged: ['p6n_wireguard_staged_total', { stage: SENT }],
  device_handshakes_completed: ['p6n_handshakes_total'],
  device_endpoints_roamed: ['p6n_endpoints_roamed_total'],
};

const NAMES: Readonly<Record<string, Place>> = {
  truncated: ['p6n_dns_replies_cut_total', { cut: 'message' }],
  textCut: ['p6n_dns_replies_cut_total', { cut: 'text' }],
  foreignSources: ['p6n_drops_total', { place: 'names', reason: 'foreign-source' }],
  overRate: ['p6n_drops_total', { place: 'names', reason: 'over-rate' }],
  sendFailures: ['p6n_dns_send_failures_total'],
  tcpConnections: ['p6n_dns_connections_total', { event: 'taken' }],
  tcpConnectionsRefused: ['p6n_dns_connections_total', { event: 'refused' }],
  tcpDeadlines: ['p6n_dns_connections_total', { event: 'deadline' }],
  tcpBadFrames: ['p6n_dns_connections_total', { event: 'bad-frame' }],
  forwardsCached: ['p6n_dns_forwards_total', { result: 'cached' }],
  forwardsAnswered: ['p6n_dns_forwards_total', { result: 'answered' }],
  forwardsFailed: ['p6n_dns_forwards_total', { result: 'failed' }],
  forwardsBusy: ['p6n_dns_forwards_total', { result: 'busy' }],
  upstreamQuestions: ['p6n_dns_upstream_total', { event: 'question' }],
  upstreamTimeouts: ['p6n_dns_upstream_total', { event: 'timeout' }],
  upstreamMismatches: ['p6n_dns_upstream_total', { event: 'mismatch' }],
};

/** `filter_drop_other_network`, `device_drop_mac1`, `drop_tun_write`. */
const DROP_PATTERN = /^(?:(?<place>[a-z]+)_)?drop_(?<reason>.+)$/;
const PASS_PATTERN = /^filter_pass_(?<rule>.+)$/;
const MESSAGE_PATTERN = /^device_(?<direction>received|sent)_(?<message>.+)$/;

/** Undefined for a counter that this version does not know. */
export function dataplaneSample(name: string, value: number): NamedSample | undefined {
  const [metric, labels] = DATAPLANE[name] ?? dataplanePlace(name) ?? [];
  return metric === undefined ? undefined : sample(metric, labels, value);
}

/** All that is not in the table is an outcome of a question. */
export function namesSample(name: string, value: number): NamedSample {
  const [metric, labels] = NAMES[name] ?? [
    'p6n_dns_questions_total' as const,
    { outcome: name.replace(/[A-Z]/g, (one) => `-${one.toLowerCase()}`) },
  ];
  return sample(metric, labels, value);
}

function dataplanePlace(name: string): Place | undefined {
  const drop = DROP_PATTERN.exec(name)?.groups;
  if (drop !== undefined) {
    return ['p6n_drops_total', { place: drop['place'] ?? 'tun', reason: words(drop['reason']) }];
  }
  const pass = PASS_PATTERN.exec(name)?.groups;
  if (pass !== undefined) return ['p6n_filter_passes_total', { rule: words(pass['rule']) }];
  const message = MESSAGE_PATTERN.exec(name)?.groups;
  if (message === undefined) return undefined;
  const { direction = '' } = message;
  return ['p6n_wireguard_messages_total', { direction, message: words(message['message']) }];
}

function words(name: string | undefined): string {
  return (name ?? '').replaceAll('_', '-');
}

function sample(
  metric: MetricName,
  labels: Readonly<Record<string, string>> | undefined,
  value: number,
): NamedSample {
  return [metric, labels === undefined ? { value } : { labels, value }];
}
