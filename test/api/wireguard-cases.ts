// What the contracts of WireGuard peers and of visits take and refuse.

import * as visits from '../../src/api/contract/visits.ts';
import * as wireguard from '../../src/api/contract/wireguard.ts';
import { PEER_SESSION, WIREGUARD_PEER } from '../fakes/api-services.ts';
import { type Case, row } from './contract-case.ts';

const { gateway: _, ...NEW_PEER } = WIREGUARD_PEER;
const KEY = WIREGUARD_PEER.public_key;
const CREATE = { name: 'anna', network: 'blue', public_key: KEY };

export const WIREGUARD_CASES: Readonly<Record<string, Case>> = {
  WIREGUARD_PEER_VIEW: row(
    wireguard.WIREGUARD_PEER_VIEW,
    [
      WIREGUARD_PEER,
      NEW_PEER,
      { ...NEW_PEER, session: PEER_SESSION },
      { ...NEW_PEER, session: { received_bytes: 0, sent_bytes: 0 } },
    ],
    [{ ...NEW_PEER, private_key: KEY }, { ...NEW_PEER, session: {} }, {}],
  ),
  WIREGUARD_PEER_LIST: row(
    wireguard.WIREGUARD_PEER_LIST,
    [{ peers: [] }, { peers: [WIREGUARD_PEER] }],
    [{}, { peers: [{}] }],
  ),
  CREATE_WIREGUARD_PEER: row(
    wireguard.CREATE_WIREGUARD_PEER,
    [CREATE, { ...CREATE, organization: 'acme', host: 'two' }],
    [
      { ...CREATE, public_key: 'A' },
      { ...CREATE, network: 7 },
      { name: 'anna', network: 'blue' },
    ],
  ),
  WIREGUARD_FILTER: row(
    wireguard.WIREGUARD_FILTER,
    [{}, { network: 'blue' }, { network: 'blue', organization: 'acme' }],
    [{ network: 7 }, { net: 'blue' }],
  ),
  GATEWAY_UPDATE: row(
    wireguard.GATEWAY_UPDATE,
    [
      { public_key: KEY, endpoints: [] },
      { public_key: KEY, endpoints: ['192.0.2.1:51821'] },
    ],
    [{ public_key: KEY }, { public_key: '', endpoints: [] }, { endpoints: Array(17).fill('a:1') }],
  ),
  VISIT_QUERY: row(visits.VISIT_QUERY, [{ network: 'blue' }], [{}, { network: 'a', app: 'b' }]),
  PING_REQUEST: row(
    visits.PING_REQUEST,
    [{ network_id: 0xffff_ffff, address: 'fdaa::1' }],
    [{ network_id: -1, address: 'fdaa::1' }, { network_id: 7 }],
  ),
  PING_REPLY: row(visits.PING_REPLY, [{}, { round_trip_ms: 0.5 }], [{ round_trip_ms: '1' }]),
};
