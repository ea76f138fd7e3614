// The answer to a `get` of the WireGuard cross-platform protocol: the interface, then each peer
// behind its public_key. Pure.

import { writeHexDigits } from '../base/bytes.ts';
import type { InterfaceState, PeerState } from '../dataplane/standalone/config.ts';
import { formatHostPort } from '../ip/host-port.ts';

const MS_PER_SECOND = 1000;
const NANOSECONDS_PER_MS = 1e6;
/** Keys that are absent are all zero in this protocol. */
const NO_KEY = '0'.repeat(64);

/** All lines, each with its end, without `errno`; the caller zeroes them. */
export function formatInterface(state: InterfaceState): Uint8Array {
  const text = new KeyedText();
  if (state.privateKey !== undefined) text.addKey('private_key', state.privateKey);
  if (state.listenPort !== 0) text.add('listen_port', state.listenPort);
  if (state.mark !== 0) text.add('fwmark', state.mark);
  for (const peer of state.peers) addPeer(text, peer);
  return text.bytes();
}

/** Lines of `key=value`. Keys of WireGuard stand in it as zeros until it becomes bytes. */
class KeyedText {
  readonly #lines: string[] = [];
  readonly #keys: { readonly at: number; readonly key: Uint8Array }[] = [];
  #length = 0;

  add(name: string, value: string | number): void {
    const line = `${name}=${value}\n`;
    this.#lines.push(line);
    this.#length += line.length;
  }

  addKey(name: string, key: Uint8Array): void {
    this.#keys.push({ at: this.#length + name.length + 1, key });
    this.add(name, NO_KEY);
  }

  bytes(): Uint8Array {
    const bytes = Buffer.from(this.#lines.join(''), 'latin1');
    for (const { at, key } of this.#keys) writeHexDigits(bytes, at, key);
    return bytes;
  }
}

function addPeer(text: KeyedText, peer: PeerState): void {
  const { presharedKey, endpoint, lastHandshakeAt = 0 } = peer;
  const seconds = Math.floor(lastHandshakeAt / MS_PER_SECOND);
  const nanoseconds = Math.floor((lastHandshakeAt % MS_PER_SECOND) * NANOSECONDS_PER_MS);
  text.addKey('public_key', peer.publicKey);
  if (presharedKey === undefined) text.add('preshared_key', NO_KEY);
  else text.addKey('preshared_key', presharedKey);
  text.add('protocol_version', 1);
  if (endpoint !== undefined) {
    text.add('endpoint', formatHostPort({ host: endpoint.address, port: endpoint.port }));
  }
  text.add('last_handshake_time_sec', seconds);
  text.add('last_handshake_time_nsec', nanoseconds);
  text.add('tx_bytes', peer.sentBytes);
  text.add('rx_bytes', peer.receivedBytes);
  text.add('persistent_keepalive_interval', peer.persistentKeepalive);
  for (const prefix of peer.allowedIps) text.add('allowed_ip', prefix);
}
