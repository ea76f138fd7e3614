// The answer to a `get` of the WireGuard cross-platform protocol: the interface, then each peer
// behind its public_key. Pure.

import { toHex } from '../base/bytes.ts';
import type { InterfaceState, PeerState } from '../dataplane/standalone/config.ts';
import { formatHostPort } from '../ip/host-port.ts';

const MS_PER_SECOND = 1000;
const NANOSECONDS_PER_MS = 1e6;
/** Keys that are absent are all zero in this protocol. */
const NO_KEY = '0'.repeat(64);

/** All lines, each with its end, without `errno`. */
export function formatInterface(state: InterfaceState): string {
  const lines: string[] = [];
  if (state.privateKey !== undefined) lines.push(`private_key=${toHex(state.privateKey)}`);
  if (state.listenPort !== 0) lines.push(`listen_port=${state.listenPort}`);
  if (state.mark !== 0) lines.push(`fwmark=${state.mark}`);
  for (const peer of state.peers) addPeer(lines, peer);
  return lines.map((line) => `${line}\n`).join('');
}

function addPeer(lines: string[], peer: PeerState): void {
  const { presharedKey, endpoint, lastHandshakeAt = 0 } = peer;
  const seconds = Math.floor(lastHandshakeAt / MS_PER_SECOND);
  const nanoseconds = Math.floor((lastHandshakeAt % MS_PER_SECOND) * NANOSECONDS_PER_MS);
  lines.push(`public_key=${toHex(peer.publicKey)}`);
  lines.push(`preshared_key=${presharedKey === undefined ? NO_KEY : toHex(presharedKey)}`);
  lines.push('protocol_version=1');
  if (endpoint !== undefined) {
    lines.push(`endpoint=${formatHostPort({ host: endpoint.address, port: endpoint.port })}`);
  }
  lines.push(`last_handshake_time_sec=${seconds}`);
  lines.push(`last_handshake_time_nsec=${nanoseconds}`);
  lines.push(`tx_bytes=${peer.sentBytes}`);
  lines.push(`rx_bytes=${peer.receivedBytes}`);
  lines.push(`persistent_keepalive_interval=${peer.persistentKeepalive}`);
  for (const prefix of peer.allowedIps) lines.push(`allowed_ip=${prefix}`);
}
