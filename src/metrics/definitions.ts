// Every metric of p6nd's own: its name, what kind of number it is, and what its labels can be. No
// label is made by a tenant: labels are words of the source, or hosts, of which the first
// PEER_LABELS_MAX have one of their own.

export type MetricName = `p6n_${string}`;
export type MetricType = 'counter' | 'gauge';

export interface MetricDefinition {
  readonly type: MetricType;
  readonly labels: readonly string[];
  /** One sentence, without its full stop. */
  readonly help: string;
}

/** Peers with labels of their own; all others together are `other`. */
export const PEER_LABELS_MAX = 256;

export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  p6n_info: gauge('Always 1; what this p6nd is', 'version', 'role', 'crypto'),
  p6n_start_time_seconds: gauge('When p6nd started, seconds since 1970'),
  p6n_packets_total: counter('Packets of a device', 'device', 'direction'),
  p6n_bytes_total: counter(
    'Bytes of a device: of packets, or of WireGuard with its headers',
    'device',
    'direction',
  ),
  p6n_drops_total: counter('What was dropped, by where and why', 'place', 'reason'),
  p6n_filter_passes_total: counter('Packets that the filter let through, by rule', 'rule'),
  p6n_rejections_total: counter('ICMPv6 errors to senders of dropped packets', 'to'),
  p6n_wireguard_messages_total: counter('Messages of WireGuard', 'direction', 'message'),
  p6n_wireguard_staged_total: counter('Packets that waited for a session, by stage', 'stage'),
  p6n_handshakes_total: counter('Handshakes that ended with a session'),
  p6n_endpoints_roamed_total: counter('Peers that were heard from another endpoint'),
  p6n_peers: gauge('Peers that are installed'),
  p6n_sessions: gauge('Peers with a session that packets may use'),
  p6n_peer_bytes_total: counter('Bytes of WireGuard of a peer', 'peer', 'direction'),
  p6n_peer_handshake_timestamp_seconds: gauge('When a peer last completed a handshake', 'peer'),
  p6n_peer_path_mtu_bytes: gauge('The longest packet that goes to a peer whole', 'peer'),
  p6n_segments_total: counter('Packets that were parts of superpackets', 'direction'),
  p6n_runs_split_total: counter('Runs of datagrams that were sent one by one'),
  p6n_sources_lost_total: counter('Datagrams sent without a local address that is gone'),
  p6n_offload: gauge('Whether an offload of the kernel may be used', 'offload'),
  p6n_offloads_refused_total: counter('Offloads that the kernel refused, off since'),
  p6n_dns_questions_total: counter('Questions to the name server, by outcome', 'outcome'),
  p6n_dns_replies_cut_total: counter('Replies that did not hold all of the answer', 'cut'),
  p6n_dns_forwards_total: counter('Questions for names of others, by what answered', 'result'),
  p6n_dns_upstream_total: counter('What passed between the name server and its upstreams', 'event'),
  p6n_dns_connections_total: counter('Connections to the name server, by what became', 'event'),
  p6n_dns_send_failures_total: counter('Answers that the kernel did not take'),
  p6n_instances: gauge('Instances of this host', 'state'),
  p6n_registry_revision: gauge('The revision of the registry that this host has'),
  p6n_follower_connected: gauge('Whether a server is followed'),
  p6n_follower_lag_seconds: gauge(
    'For how long no server has said that the copy is as it should be',
  ),
  p6n_follower_disconnects_total: counter('Streams of servers that were lost or could not be had'),
  p6n_follower_resets_total: counter('Times that the copy was made anew'),
  p6n_copy_failures_total: counter('Failures with the file of that copy', 'failure'),
  p6n_hosts: gauge('Hosts of the site by liveness, on a server', 'liveness'),
  p6n_registry_up: gauge('Whether the registry of this server answers'),
  p6n_api_requests_total: counter('Requests to the API', 'door', 'result'),
  p6n_api_requests_refused_total: counter('Requests that their callers may not make', 'door'),
};

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What is known at one moment; a metric that is missing says nothing. */
export type Samples = ReadonlyMap<MetricName, readonly Sample[]>;

function counter(help: string, ...labels: readonly string[]): MetricDefinition {
  return { type: 'counter', labels, help };
}

function gauge(help: string, ...labels: readonly string[]): MetricDefinition {
  return { type: 'gauge', labels, help };
}
