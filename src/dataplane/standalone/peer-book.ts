// The peers of a stand-alone interface by their keys: what was set, and the device and the routes
// in step with it.

import { isAllZero, toHex, wipe } from '../../base/bytes.ts';
import type { Millis } from '../../base/clock.ts';
import type { PeerSettings } from '../../device/config.ts';
import type { Device } from '../../device/device.ts';
import { NO_PEER, type PeerIndex } from '../../device/routes.ts';
import type { TrieRoutes } from '../../device/trie-routes.ts';
import type { Prefix } from '../../ip/prefix.ts';
import type { PrivateKey, PublicKey, SymmetricKey } from '../../wireguard/crypto/crypto.ts';
import type { PeerChange, PeerState } from './config.ts';

interface BookedPeer {
  readonly index: PeerIndex;
  settings: PeerSettings;
}

export class PeerBook {
  readonly #device: Device;
  readonly #routes: TrieRoutes;
  /** In the order in which they came. */
  readonly #peers = new Map<string, BookedPeer>();

  constructor(device: Device, routes: TrieRoutes) {
    this.#device = device;
    this.#routes = routes;
  }

  /**
   * Takes over the preshared key, or zeroes it when no peer has it. Throws VALUE_INVALID for an
   * endpoint that is none, and LIMIT_REACHED.
   */
  apply(change: PeerChange, now: Millis): void {
    const key = toHex(change.publicKey);
    const { presharedKey } = change;
    try {
      this.#apply(key, change, now);
    } finally {
      const isKept = this.#peers.get(key)?.settings.presharedKey === presharedKey;
      if (presharedKey !== undefined && !isKept) wipe(presharedKey);
    }
  }

  clear(): void {
    for (const key of [...this.#peers.keys()]) this.#remove(key);
  }

  /** Changes the interface's own key; a peer that has this very key goes. */
  setPrivateKey(privateKey: PrivateKey): void {
    const self = this.#device.setPrivateKey(privateKey);
    for (const [key, { index }] of this.#peers) {
      if (index === self) this.#remove(key);
    }
  }

  states(): PeerState[] {
    return [...this.#peers.values()].map(({ index, settings }) => {
      const status = this.#device.peerStatus(index);
      return {
        publicKey: settings.publicKey,
        presharedKey: settings.presharedKey,
        endpoint: status?.endpoint,
        lastHandshakeAt: status?.lastHandshakeAt,
        sentBytes: status?.sentBytes ?? 0,
        receivedBytes: status?.receivedBytes ?? 0,
        persistentKeepalive: settings.persistentKeepaliveSeconds ?? 0,
        allowedIps: this.#routes.prefixesOf(index),
      };
    });
  }

  #apply(key: string, change: PeerChange, now: Millis): void {
    let peer = this.#peers.get(key);
    if (change.remove) {
      this.#remove(key);
      return;
    }
    if (peer === undefined) {
      if (change.updateOnly) return;
      const publicKey = new Uint8Array(change.publicKey) as PublicKey;
      const settings = changedSettings({ publicKey }, change);
      const index = this.#device.installPeer(settings, now);
      // A peer with the interface's own key is none.
      if (index === NO_PEER) return;
      peer = { index, settings };
      this.#peers.set(key, peer);
    } else {
      const { endpoint } = change;
      if (endpoint !== undefined) this.#device.setEndpoint(peer.index, endpoint);
      const before = peer.settings.presharedKey;
      peer.settings = changedSettings(peer.settings, change);
      if (before !== undefined && before !== peer.settings.presharedKey) wipe(before);
      this.#device.updatePeer(peer.index, peer.settings, now);
    }
    if (change.replaceAllowedIps) this.#routes.removePeer(peer.index);
    for (const { prefix, remove } of change.allowedIps) {
      if (remove) this.#routes.remove(prefix, peer.index);
      else this.#routes.insert(compact(prefix), peer.index);
    }
  }

  #remove(key: string): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#peers.delete(key);
    if (peer.settings.presharedKey !== undefined) wipe(peer.settings.presharedKey);
    this.#routes.removePeer(peer.index);
    this.#device.removePeer(peer.index);
  }
}

/** What came from another thread has memory of its own for every few bytes, a copy has not. */
function compact({ bytes, bits }: Prefix): Prefix {
  return { bytes: new Uint8Array(bytes), bits };
}

function changedSettings(before: PeerSettings, change: PeerChange): PeerSettings {
  const { presharedKey = before.presharedKey, endpoint = before.endpoint } = change;
  const seconds = change.persistentKeepalive ?? before.persistentKeepaliveSeconds;
  return {
    publicKey: before.publicKey,
    ...keyOrNone(presharedKey),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(seconds === undefined ? {} : { persistentKeepaliveSeconds: seconds }),
  };
}

function keyOrNone(presharedKey: SymmetricKey | undefined): { presharedKey?: SymmetricKey } {
  return presharedKey === undefined || isAllZero(presharedKey) ? {} : { presharedKey };
}
