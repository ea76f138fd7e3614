// What a host knows to be given out, as it stands in its reports to servers.

import { isHostId, isNetworkId, type NetworkId } from '../addressing/ids.ts';
import {
  type KnownIdsReport,
  type KnownPeersReport,
  PEERS_REPORT_LENGTH_MAX,
} from '../api/contract/registry.ts';
import type { WallMillis } from '../base/clock.ts';
import type { KnownIds, KnownPeers } from '../registry/closure.ts';

/** The reports that say it, each short enough for one request. The last one counts the host. */
export function* idsReports({
  networks,
  highestHost,
  peers = [],
}: KnownIds): Generator<KnownIdsReport> {
  let batch: KnownPeersReport[] = [];
  let length = 0;
  for (const one of peers.map(peersReport)) {
    const size = JSON.stringify(one).length;
    if (batch.length > 0 && length + size > PEERS_REPORT_LENGTH_MAX) {
      yield { networks: [], peers: batch };
      batch = [];
      length = 0;
    }
    batch.push(one);
    length += size;
  }
  if (batch.length > 0) yield { networks: [], peers: batch };
  yield { networks, ...(highestHost === undefined ? {} : { highest_host: highestHost }) };
}

/** What a report says, less what no host can know. */
export function knownIds({
  networks,
  highest_host: highest,
  peers = [],
}: KnownIdsReport): KnownIds {
  return {
    networks: networks.filter(isNetworkId),
    highestHost: highest !== undefined && isHostId(highest) ? highest : undefined,
    peers: peers.flatMap(({ network, ...rest }) =>
      isNetworkId(network) ? [knownPeers(network, rest)] : [],
    ),
  };
}

function peersReport({ network, last, removals }: KnownPeers): KnownPeersReport {
  return {
    network,
    ...(last && {
      last: {
        ...{ name: last.name, host: last.host, number: last.number },
        ...{ public_key: last.publicKey, signature: last.signature },
      },
    }),
    ...(removals && { removed: { numbers: removals.numbers, signature: removals.signature } }),
  };
}

function knownPeers(
  network: NetworkId,
  { last, removed }: Omit<KnownPeersReport, 'network'>,
): KnownPeers {
  return {
    network,
    ...(last !== undefined &&
      isHostId(last.host) && {
        last: {
          ...{ kind: 'wireguard-peer', network, name: last.name, host: last.host },
          ...{ number: last.number, publicKey: last.public_key, signature: last.signature },
          // Not signed, and of no matter here.
          createdAt: 0 as WallMillis,
        },
      }),
    ...(removed && { removals: { kind: 'peer-removals', network, ...removed } }),
  };
}
